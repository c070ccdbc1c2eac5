//! Requests of clients, each in a span.

use std::{borrow::Cow, error::Error, fmt, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt as _;
use http::request::Parts;
use raaf_trace_core::{
    Context, ErrorType, InContext as _, TracerProvider,
    call::{KnownErrorType, SpanBuilder},
    keys, set_attribute, tracer,
};
use rmcp::{
    RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, ErrorData, InitializeRequestParams,
        InitializeResult, ListToolsResult, PaginatedRequestParams, ServerConfig, Tool as McpTool,
    },
    service::RequestContext,
};
use serde_json::Value as Json;
use tokio::sync::Semaphore;

use super::{content, http::AroundHttp};
use crate::{
    conversation::Content,
    errors::{panic_message, with_causes},
    mcp::{
        keys::{
            METHOD, PROTOCOL_VERSION, REQUEST_ID, SESSION_ID, STATUS_CODE, Transport, span_name,
        },
        propagation,
    },
    run::RunContext,
    tool::{Tool, ToolError},
};

/// Tools and settings of a service.
pub(super) struct Served {
    pub(super) config: ServerConfig,
    pub(super) tools: Vec<Arc<dyn Tool>>,
    pub(super) context: Arc<dyn Fn() -> RunContext + Send + Sync>,
    pub(super) provider: Option<TracerProvider>,
    pub(super) links_callers: bool,
    pub(super) calls: Semaphore,
    pub(super) transport: Transport,
}

/// Handler of all connections of a server.
#[derive(Clone)]
pub(super) struct Handler(Arc<Served>);

impl Handler {
    pub(super) fn new(served: Served) -> Self {
        Self(Arc::new(served))
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        self.0.config.clone()
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let span = self.0.span("initialize", None, &context);
        let work = async {
            context.peer.set_peer_info(request.clone());
            let answer = self.negotiate_initialize(&request).map_err(Refusal)?;
            set_attribute(PROTOCOL_VERSION, answer.protocol_version.as_str().to_owned());
            Ok(answer)
        };
        let answer = self.0.around(span.try_in_span(work)).await;
        answer.map_err(|Refusal(error)| error)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let span = self.0.span("tools/list", None, &context);
        let work = async {
            let run = (self.0.context)();
            let tools = self.0.tools.iter().filter(|tool| tool.is_enabled(&run));
            ListToolsResult::with_all_items(tools.map(|tool| described(&**tool)).collect())
        };
        contained(async { Ok(self.0.around(span.in_span(work)).await) }).await
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        contained(Box::pin(self.0.answer(request, context))).await
    }
}

impl Served {
    async fn answer(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let run = (self.context)();
        let found = self.tool(&request.name, &run);
        // A name that the client made up would be an unbounded label.
        let target = found.map(|tool| &*tool.spec().name);
        let span = self.span("tools/call", target, &context);
        let work = span.try_in_span(Box::pin(async {
            let Some(tool) = found else {
                set_attribute(STATUS_CODE, rmcp::model::ErrorCode::INVALID_PARAMS.0.to_string());
                let message = format!("unknown tool `{}`", request.name);
                return Err(Failed::Refused(ErrorData::invalid_params(message, None)));
            };
            set_attribute(keys::TOOL_NAME, &tool.spec().name);
            let arguments = Json::Object(request.arguments.unwrap_or_default());
            self.call(&**tool, &run, arguments).await.map_err(Failed::Tool)
        }));
        let called = tokio::select! {
            called = self.around(work) => called,
            // The client does not wait for the answer.
            () = context.ct.cancelled() => {
                return Err(ErrorData::internal_error("the call was cancelled", None));
            }
        };
        match called {
            Ok(result) => Ok(content::result(result).into()),
            Err(Failed::Tool(error)) => Ok(content::failure(with_causes(&error)).into()),
            Err(Failed::Refused(error)) => Err(error),
        }
    }

    fn tool(&self, name: &str, run: &RunContext) -> Option<&Arc<dyn Tool>> {
        self.tools.iter().find(|tool| tool.spec().name == name && tool.is_enabled(run))
    }

    async fn call(
        &self,
        tool: &dyn Tool,
        run: &RunContext,
        arguments: Json,
    ) -> Result<Content, ToolError> {
        let name = || tool.spec().name.clone();
        let call = async {
            if tool.needs_approval(run, &arguments) {
                let reason = "it needs a person's approval, which this server cannot ask for";
                return Err(ToolError::Refused { tool: name(), reason: reason.to_owned() });
            }
            // Closed never: the semaphore lives as long as the server.
            let _permit = self.calls.acquire().await;
            tool.call_in(run, arguments).await
        };
        AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(|panic| {
            Err(ToolError::Panicked { tool: name(), message: panic_message(&*panic) })
        })
    }

    /// Runs work of a request in the context of the provider. The runtime's tasks have none.
    async fn around<F: Future>(&self, work: F) -> F::Output {
        let context = match &self.provider {
            Some(provider) => provider.context(),
            None => Context::empty(),
        };
        work.in_context(context).await
    }

    /// Prepares the span of a request: in the trace of its sender, otherwise in the span of the HTTP
    /// request.
    fn span(
        &self,
        method: &'static str,
        target: Option<&str>,
        request: &RequestContext<RoleServer>,
    ) -> SpanBuilder {
        let tracer = self.provider.as_ref().map_or_else(tracer, TracerProvider::tracer);
        let mut span = tracer.span(span_name(method, target)).kind("server").with(METHOD, method);
        let http = request.extensions.get::<Parts>();
        let around = http.and_then(|head| head.extensions.get::<AroundHttp>());
        let around = around.map(|AroundHttp(context)| context).filter(|it| it.span().is_some());
        match (propagation::extract(&request.meta).span_context(), around) {
            (Some(caller), around) => {
                span = if self.links_callers {
                    span.link(caller, |_| {})
                } else {
                    span.remote_parent(caller)
                };
                if let Some(around) = around.and_then(Context::span_context) {
                    span = span.link(around, |_| {});
                }
            }
            (None, Some(around)) => span = span.parent(around.clone()),
            (None, None) => {}
        }
        let session = http.and_then(|head| head.headers.get("mcp-session-id")?.to_str().ok());
        let version = request.protocol_version();
        let version = version.as_ref().map(|version| version.as_str().to_owned());
        self.transport
            .on(span)
            .with(REQUEST_ID, request.id.to_string())
            .with(SESSION_ID, session)
            .with(PROTOCOL_VERSION, version)
    }
}

/// Does the work of a request. If the program panics, the client receives an error instead of no answer.
async fn contained<T>(work: impl Future<Output = Result<T, ErrorData>>) -> Result<T, ErrorData> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
        let message = format!("the server panicked: {}", panic_message(&*panic));
        Err(ErrorData::internal_error(message, None))
    })
}

/// Describes a tool for clients.
fn described(tool: &dyn Tool) -> McpTool {
    let spec = tool.spec();
    let parameters = spec.parameters.as_object().cloned().unwrap_or_default();
    McpTool::new(spec.name.clone(), spec.description.clone(), Arc::new(parameters))
}

/// Failure of a call.
#[derive(Debug)]
enum Failed {
    Tool(ToolError),
    Refused(ErrorData),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool(error) => fmt::Display::fmt(error, f),
            Self::Refused(error) => f.write_str(&error.message),
        }
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Tool(error) => error.source(),
            Self::Refused(_) => None,
        }
    }
}

/// Returns `tool_error` for a tool that failed, whose own type is in the span of the tool; the code for a
/// protocol error.
impl ErrorType for Failed {
    fn error_type(&self) -> Cow<'static, str> {
        match self {
            Self::Tool(_) => "tool_error".into(),
            Self::Refused(error) => error.code.0.to_string().into(),
        }
    }

    fn is_pause(&self) -> bool {
        matches!(self, Self::Tool(error) if error.is_pause())
    }
}

raaf_trace_core::submit! { KnownErrorType::new::<Failed>() }

/// A request that is refused.
#[derive(Debug)]
struct Refusal(ErrorData);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Error for Refusal {}

impl ErrorType for Refusal {
    fn error_type(&self) -> Cow<'static, str> {
        self.0.code.0.to_string().into()
    }
}

raaf_trace_core::submit! { KnownErrorType::new::<Refusal>() }
