//! Requests: their spans, time limits and cancellation.

use std::{error::Error, time::Duration};

use raaf_trace_core::{call::SpanBuilder, current_span, set_attribute, tracer};
use rmcp::{
    RoleClient, ServiceError,
    model::{CancelledNotificationParam, ClientRequest, GetMeta as _, RequestId, ServerResult},
    service::{Peer, PeerRequestOptions},
};
use tokio::{runtime::Handle, time::timeout};

use super::{
    connection::{Inner, is_unreachable},
    http::described,
};
use crate::mcp::{
    McpError,
    keys::{REQUEST_ID, STATUS_CODE, span_name},
    propagation,
};

/// Time for the end of a connection to become known.
const END: Duration = Duration::from_secs(1);

/// Prepares the span of a request.
pub(super) fn request_span(method: &str, target: Option<&str>) -> SpanBuilder {
    tracer().span(span_name(method, target)).kind("client")
}

impl Inner {
    /// Makes a request in a span, and reads the answer there. If this is dropped, the request is cancelled
    /// at the server.
    pub(super) async fn request<T>(
        &self,
        span: SpanBuilder,
        mut request: ClientRequest,
        read: impl FnOnce(ServerResult) -> Result<T, McpError>,
    ) -> Result<T, McpError> {
        let method = request.method().to_owned();
        let work = async {
            if let Some(span) = current_span() {
                span.set_attributes(|attributes| self.describe(&method, attributes));
            }
            propagation::inject(request.get_meta_mut());
            match timeout(self.timeout, self.exchange(request)).await {
                Ok(Ok(answer)) => read(answer),
                Ok(Err(error)) => Err(self.failed(&method, error).await),
                Err(_) => Err(McpError::Timeout {
                    server: self.name().to_owned(),
                    method: method.clone(),
                    after: self.timeout,
                    instead: self.secrets.hide(&self.fate.instead()),
                }),
            }
        };
        // The future is large, and one of several in a tool call.
        span.try_in_span(Box::pin(work)).await
    }

    async fn exchange(&self, request: ClientRequest) -> Result<ServerResult, ServiceError> {
        let options = PeerRequestOptions::no_options();
        let sent = self.peer.send_cancellable_request(request, options).await?;
        set_attribute(REQUEST_ID, sent.id.to_string());
        let (peer, runtime) = (self.peer.clone(), self.runtime.clone());
        let mut unanswered = Unanswered { peer, id: Some(sent.id), runtime };
        let answer = tokio::select! {
            biased;
            answer = sent.rx => answer.unwrap_or(Err(ServiceError::TransportClosed)),
            () = self.fate.ended() => Err(ServiceError::TransportClosed),
        };
        unanswered.id = None;
        answer
    }

    async fn failed(&self, method: &str, error: ServiceError) -> McpError {
        let (server, method) = (self.name().to_owned(), method.to_owned());
        let hidden = |text: &str| self.secrets.hide(text);
        match error {
            ServiceError::McpError(error) => {
                set_attribute(STATUS_CODE, error.code.0.to_string());
                let (code, message) = (error.code.0, hidden(&error.message));
                McpError::Refused { server, method, code, message }
            }
            ServiceError::TransportSend(error) => {
                let error: &(dyn Error + 'static) = &*error.error;
                if error.is::<std::io::Error>() {
                    return self.closed().await;
                }
                let message = hidden(&described(error));
                if is_unreachable(error) {
                    McpError::Connect { server, message }
                } else {
                    McpError::Protocol { server, method, message }
                }
            }
            ServiceError::TransportClosed => self.closed().await,
            other => McpError::Protocol { server, method, message: hidden(&other.to_string()) },
        }
    }

    /// Returns the error of a closed connection, with its reason if that becomes known.
    async fn closed(&self) -> McpError {
        let _ = timeout(END, self.fate.ended()).await;
        let reason = self.fate.reason().unwrap_or_else(|| "the server has closed it".to_owned());
        McpError::Closed { server: self.name().to_owned(), reason: self.secrets.hide(&reason) }
    }

    /// Returns the error of an answer that does not fit.
    pub(super) fn misfit(&self, method: &str, expected: &str) -> McpError {
        McpError::Protocol {
            server: self.name().to_owned(),
            method: method.to_owned(),
            message: format!("the answer is not {expected}"),
        }
    }
}

/// Request without an answer so far. Dropping it cancels the request at the server.
struct Unanswered {
    peer: Peer<RoleClient>,
    id: Option<RequestId>,
    runtime: Handle,
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let peer = self.peer.clone();
        self.runtime.spawn(async move {
            let reason = Some("the caller no longer waits".to_owned());
            let _ = peer.notify_cancelled(CancelledNotificationParam::new(Some(id), reason)).await;
        });
    }
}
