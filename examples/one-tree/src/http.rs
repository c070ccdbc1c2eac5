//! reqwest with its middleware, as the client of rig.

use std::future::ready;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use reqwest_middleware::ClientWithMiddleware;
use rig_core::http_client::{
    Error, HttpClientExt, LazyBody, MultipartForm, Result, StreamingResponse,
};

/// Client of rig that sends its requests by reqwest and a middleware, so that each of them is a span
/// and carries the context.
#[derive(Clone, Debug)]
pub struct Http(ClientWithMiddleware);

impl Http {
    /// Creates a client.
    pub fn new(client: ClientWithMiddleware) -> Self {
        Self(client)
    }

    fn send_bytes(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<reqwest::Response>> + Send + 'static {
        let (head, body) = request.into_parts();
        let request = self.0.request(head.method, head.uri.to_string());
        let sent = request.headers(head.headers).body(body).send();
        async move {
            let response = sent.await.map_err(Error::instance)?;
            if response.status().is_success() {
                return Ok(response);
            }
            let (status, headers) = (response.status(), response.headers().clone());
            let body = response.text().await.map_err(Error::instance)?;
            Err(Error::non_success_with_details(status, headers, body))
        }
    }
}

/// Returns the head of a response, with another body.
fn with_body<B>(response: &reqwest::Response, body: B) -> Response<B> {
    let mut head = Response::new(body);
    *head.status_mut() = response.status();
    *head.headers_mut() = response.headers().clone();
    head
}

impl HttpClientExt for Http {
    fn send<T, U>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>>> + Send + 'static
    where
        T: Into<Bytes>,
        U: From<Bytes> + Send + 'static,
    {
        let sent = self.send_bytes(request.map(Into::into));
        async move {
            let response = sent.await?;
            let head = with_body(&response, ());
            let body: LazyBody<U> =
                Box::pin(
                    async move { response.bytes().await.map(U::from).map_err(Error::instance) },
                );
            Ok(head.map(|()| body))
        }
    }

    fn send_multipart<U>(
        &self,
        _: Request<MultipartForm>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>>> + Send + 'static
    where
        U: From<Bytes> + Send + 'static,
    {
        let unsupported = "this client sends no forms".to_owned();
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        ready(Err(Error::non_success_with_details(status, HeaderMap::new(), unsupported)))
    }

    async fn send_streaming<T>(&self, request: Request<T>) -> Result<StreamingResponse>
    where
        T: Into<Bytes> + Send,
    {
        let response = self.send_bytes(request.map(Into::into)).await?;
        let head = with_body(&response, ());
        let chunks = futures::stream::try_unfold(response, |mut response| async move {
            let chunk = response.chunk().await.map_err(Error::instance)?;
            Ok(chunk.map(|chunk| (chunk, response)))
        });
        Ok(head.map(|()| Box::pin(chunks) as _))
    }
}
