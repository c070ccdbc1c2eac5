//! The engine, as far as durable runs need it.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use restate_sdk::{
    context::{
        Context, ContextAwakeables as _, ContextClient as _, ContextSideEffects as _,
        ObjectContext, RequestTarget, RunFuture as _, SharedObjectContext, SharedWorkflowContext,
        WorkflowContext,
    },
    errors::{HandlerError, TerminalError},
    serde::Json as Payload,
};
use serde_json::Value as Json;

/// Context of a handler, implemented by all contexts of the SDK.
///
/// The trait is sealed.
pub trait HandlerContext<'ctx>: Engine<'ctx> {}

impl<'ctx, C: Engine<'ctx>> HandlerContext<'ctx> for C {}

/// Result that the engine records.
pub(crate) type Recorded<'ctx> = BoxFuture<'ctx, Result<Json, TerminalError>>;

/// Operations that all contexts have.
pub trait Engine<'ctx>: Send + Sync {
    /// Returns the id of the invocation.
    fn id(&self) -> &str;

    /// Returns the trace headers of the request.
    fn trace_headers(&self) -> BTreeMap<String, String>;

    /// Returns the entry at this position of the engine's journal, or else does the work and records its
    /// result.
    fn record(&self, name: &'static str, work: BoxFuture<'ctx, Json>) -> Recorded<'ctx>;

    /// Creates a promise that others can resolve by its id.
    fn promise(&self) -> (String, Recorded<'ctx>);

    /// Calls another handler, immediately.
    fn call(
        &self,
        target: RequestTarget,
        headers: BTreeMap<String, String>,
        body: Json,
    ) -> Recorded<'ctx>;
}

macro_rules! engine {
    ($($context:ident),*) => {$(
        impl<'ctx> Engine<'ctx> for $context<'ctx> {
            fn id(&self) -> &str {
                self.invocation_id()
            }

            fn trace_headers(&self) -> BTreeMap<String, String> {
                let headers = ["traceparent", "tracestate"];
                let header = |name: &str| Some((name.to_owned(), self.headers().get(name)?.clone()));
                headers.into_iter().filter_map(header).collect()
            }

            fn record(&self, name: &'static str, work: BoxFuture<'ctx, Json>) -> Recorded<'ctx> {
                let run = self.run(move || async move { Ok::<_, HandlerError>(Payload(work.await)) });
                let run = run.name(name);
                Box::pin(async move { run.await.map(Payload::into_inner) })
            }

            fn promise(&self) -> (String, Recorded<'ctx>) {
                let (id, promise) = self.awakeable::<Payload<Json>>();
                (id, Box::pin(async move { promise.await.map(Payload::into_inner) }))
            }

            fn call(
                &self,
                target: RequestTarget,
                headers: BTreeMap<String, String>,
                body: Json,
            ) -> Recorded<'ctx> {
                let request = self.request::<_, Payload<Json>>(target, Payload(body));
                let request = headers.into_iter().fold(request, |request, (key, value)| {
                    request.header(key, value)
                });
                let call = request.call();
                Box::pin(async move { call.await.map(Payload::into_inner) })
            }
        }
    )*};
}

engine!(Context, ObjectContext, SharedObjectContext, WorkflowContext, SharedWorkflowContext);
