//! Servers behind HTTP: a client that knows its session, and errors without URLs.

use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{StreamExt as _, stream::BoxStream};
use http::{HeaderName, HeaderValue};
use reqwest::{Client, Url, header::HeaderMap};
use rmcp::{
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::{
        StreamableHttpClientTransport,
        streamable_http_client::{
            SseError, StreamableHttpClient, StreamableHttpClientTransportConfig,
            StreamableHttpError, StreamableHttpPostResponse, StreamableHttpResponseLimits,
        },
    },
};
use rmcp_sse::Sse;

use crate::{errors::with_causes, mcp::secrets::Secrets, web};

type Failure = StreamableHttpError<reqwest::Error>;
type Events = BoxStream<'static, Result<Sse, SseError>>;
type Headers = HashMap<HeaderName, HeaderValue>;

/// Id of a session without secrets, for spans, once there is one. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Session(Arc<Mutex<Option<Arc<str>>>>);

impl Session {
    pub(super) fn id(&self) -> Option<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, id: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(id.into());
    }
}

/// Client of one connection.
#[derive(Clone)]
pub(super) struct SessionClient {
    http: Client,
    session: Session,
    secrets: Secrets,
}

/// Returns a transport for the server at a URL, which sends these headers with each request.
pub(super) fn transport(
    url: &Url,
    headers: HeaderMap,
    session: Session,
    secrets: Secrets,
) -> Result<StreamableHttpClientTransport<SessionClient>, String> {
    let client = SessionClient { http: web::client(url, headers)?, session, secrets };
    let config = StreamableHttpClientTransportConfig::with_uri(url.as_str());
    Ok(StreamableHttpClientTransport::with_client(client, config))
}

/// Returns the text of a failure and its causes, including those that the transport's error hides.
pub(super) fn described(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref() {
        Some(Failure::Client(error)) => with_causes(error),
        _ => with_causes(error),
    }
}

impl SessionClient {
    /// Returns the failure without the URL, whose query may have a key.
    fn without_url(failure: Failure) -> Failure {
        match failure {
            StreamableHttpError::Client(error) => StreamableHttpError::Client(error.without_url()),
            other => other,
        }
    }
}

/// Removes secrets from the server's responses.
impl SessionClient {
    fn hide(&self, message: ServerJsonRpcMessage) -> Result<ServerJsonRpcMessage, Failure> {
        if self.secrets.is_empty() {
            return Ok(message);
        }
        let mut json = serde_json::to_value(message)?;
        self.secrets.hide_in(&mut json);
        Ok(serde_json::from_value(json)?)
    }

    fn hide_in(&self, events: Events) -> Events {
        if self.secrets.is_empty() {
            return events;
        }
        let secrets = self.secrets.clone();
        let hidden = events.map(move |event| {
            event.map(|event| {
                let data = event.data.map(|data| match serde_json::from_str(&data) {
                    Ok(mut json) => {
                        secrets.hide_in(&mut json);
                        json.to_string()
                    }
                    Err(_) => secrets.hide(&data),
                });
                Sse { data, ..event }
            })
        });
        hidden.boxed()
    }
}

impl StreamableHttpClient for SessionClient {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let limits = StreamableHttpResponseLimits::default();
        self.post_message_with_response_limits(
            uri,
            message,
            session_id,
            auth_header,
            headers,
            limits,
        )
        .await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let http = &self.http;
        let response = http
            .post_message_with_response_limits(
                uri,
                message,
                session_id,
                auth_header,
                headers,
                limits,
            )
            .await
            .map_err(Self::without_url)?;
        if let StreamableHttpPostResponse::Json(_, Some(id))
        | StreamableHttpPostResponse::Sse(_, Some(id)) = &response
        {
            self.session.set(&self.secrets.hide(id));
        }
        Ok(match response {
            StreamableHttpPostResponse::Json(message, id) => {
                StreamableHttpPostResponse::Json(self.hide(message)?, id)
            }
            StreamableHttpPostResponse::Sse(events, id) => {
                StreamableHttpPostResponse::Sse(self.hide_in(events), id)
            }
            other => other,
        })
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        auth_header: Option<String>,
        headers: Headers,
    ) -> Result<(), Failure> {
        let deleted = self.http.delete_session(uri, session_id, auth_header, headers).await;
        deleted.map_err(Self::without_url)
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        headers: Headers,
    ) -> Result<Events, Failure> {
        let stream = self.http.get_stream(uri, session_id, last_event_id, auth_header, headers);
        stream.await.map(|events| self.hide_in(events)).map_err(Self::without_url)
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        headers: Headers,
        max_size: usize,
    ) -> Result<Events, Failure> {
        let stream = self.http.get_stream_with_max_sse_event_size(
            uri,
            session_id,
            last_event_id,
            auth_header,
            headers,
            max_size,
        );
        stream.await.map(|events| self.hide_in(events)).map_err(Self::without_url)
    }
}
