//! Span of a request that is under way.

use std::{any::Any, error::Error, fmt::Display, mem};
#[cfg(feature = "reqwest-middleware")]
use std::{future::poll_fn, pin::pin};

use http::{HeaderMap, StatusCode};
use raaf_trace_core::{
    Attributes, Component, Context, Status, Traceable as _,
    call::{ErrorReport, Failure, ManualSpan, SpanBuilder},
    keys,
};

use crate::{grpc::GrpcStatus, keys::RPC_STATUS_CODE};

type BoxError = Box<dyn Error + Send + Sync>;

/// Returns whether any provider records.
pub(crate) fn is_tracing(component: &Component) -> bool {
    component.traced("request").is_enabled()
}

/// The end of a connection, which decides what is a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    fn fails_with(self, status: StatusCode) -> bool {
        status.is_server_error() || (self == Self::Client && status.as_u16() >= 400)
    }

    fn fails_with_grpc(self, status: &GrpcStatus<'_>) -> bool {
        match self {
            Self::Client => !status.is_ok(),
            Self::Server => status.is_failure_of_server(),
        }
    }
}

/// Span of a request that is under way. It is current while the request is polled, and ends as
/// cancelled if the request is given up.
#[derive(Debug)]
pub(crate) struct Running {
    inside: Inside,
    /// Context around the span, if it has baggage of the request's own.
    around: Option<Context>,
    fate: Fate,
}

/// Context in which the work runs.
#[derive(Debug)]
enum Inside {
    Span(ManualSpan),
    /// The caller's context, for a request without a span.
    Caller(Context),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open,
    /// Work runs inside; still so when this is dropped, the work panicked.
    Inside,
    Failed,
    Ended,
}

impl Running {
    pub(crate) fn start(span: SpanBuilder, set: impl FnOnce(&mut Attributes)) -> Self {
        Self::start_in(None, span, set)
    }

    /// Starts a span in a context other than the current one.
    pub(crate) fn start_in(
        around: Option<Context>,
        span: SpanBuilder,
        set: impl FnOnce(&mut Attributes),
    ) -> Self {
        let span = run_in(around.as_ref(), || span.start_with(set));
        Self { inside: Inside::Span(span), around, fate: Fate::Open }
    }

    /// Passes the caller's context on to a request without a span.
    pub(crate) fn without_span(caller: Context) -> Self {
        Self { inside: Inside::Caller(caller), around: None, fate: Fate::Open }
    }

    fn span(&self) -> Option<&ManualSpan> {
        match &self.inside {
            Inside::Span(span) => Some(span),
            Inside::Caller(_) => None,
        }
    }

    pub(crate) fn context(&self) -> Context {
        match &self.inside {
            Inside::Span(span) => span.context(),
            Inside::Caller(caller) => caller.clone(),
        }
    }

    pub(crate) fn is_recording(&self) -> bool {
        self.span().is_some_and(ManualSpan::is_recording)
    }

    /// Runs a part of the work inside the span. A panic is recorded and propagates.
    pub(crate) fn run<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let fate = mem::replace(&mut self.fate, Fate::Inside);
        let result = match &self.inside {
            Inside::Span(span) => {
                let mut result = None;
                run_in(self.around.as_ref(), || span.in_span(|| result = Some(work())));
                result.unwrap_or_else(|| unreachable!("the closure has run"))
            }
            Inside::Caller(caller) => caller.clone().run(work),
        };
        self.fate = fate;
        result
    }

    #[cfg(feature = "reqwest-middleware")]
    pub(crate) async fn run_async<F: Future>(&mut self, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|task| self.run(|| work.as_mut().poll(task))).await
    }

    /// Records the status of the response. That of a call of gRPC may follow in the trailers.
    pub(crate) fn respond(&mut self, side: Side, status: StatusCode, headers: &HeaderMap) {
        let Some(span) = self.span() else { return };
        span.set_attribute(keys::HTTP_STATUS_CODE, status.as_u16());
        if side.fails_with(status) {
            // The response is no exception; its status is the error's type, by the conventions.
            span.set_error(&ErrorReport::from_message(status.as_str(), status.to_string()));
            self.fate = Fate::Failed;
        } else {
            span.set_status(Status::Ok);
            self.respond_grpc(side, headers);
        }
    }

    /// Records the status of a call of gRPC, if the headers or trailers have it.
    pub(crate) fn respond_grpc(&mut self, side: Side, headers: &HeaderMap) {
        let (Some(status), Some(span)) = (GrpcStatus::of(headers), self.span()) else { return };
        span.set_attribute(RPC_STATUS_CODE, status.name());
        if side.fails_with_grpc(&status) {
            span.set_error(&status.error());
            self.fate = Fate::Failed;
        }
    }

    pub(crate) fn set(&self, key: &'static str, value: u64) {
        if let Some(span) = self.span() {
            span.set_attribute(key, value);
        }
    }

    pub(crate) fn fail<Via>(&mut self, error: &impl Failure<Via>) {
        if let Some(span) = self.span() {
            span.record_error(error);
        }
        self.fate = Fate::Failed;
    }

    pub(crate) fn end(mut self) {
        self.fate = Fate::Ended;
        if let Some(span) = self.span() {
            span.finish();
        }
    }
}

fn run_in<R>(around: Option<&Context>, work: impl FnOnce() -> R) -> R {
    match around {
        Some(around) => around.clone().run(work),
        None => work(),
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.fate == Fate::Open
            && let Some(span) = self.span()
        {
            span.set_status(Status::Cancelled);
        }
    }
}

/// Error of a service, of which only the message is known unless it is boxed.
pub(crate) struct ServiceError<'a, E>(pub(crate) &'a E);

impl<E: Display + 'static> Failure<()> for ServiceError<'_, E> {
    fn report(&self) -> ErrorReport {
        match (self.0 as &dyn Any).downcast_ref::<BoxError>() {
            Some(boxed) => ErrorReport::from_error(&**boxed),
            None => ErrorReport::from_display(self.0),
        }
    }
}
