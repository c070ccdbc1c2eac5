//! Tools: functions that a model can call.

mod description;
mod error;
mod function;
mod invoke;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use raaf_trace_core::Traceable;
use serde_json::Value as Json;

use crate::{model::ToolSpec, run::RunContext};
pub use description::Description;
pub use error::{OnToolError, ToolError};
pub use function::FunctionTool;
pub(crate) use function::schema_of;
pub(crate) use invoke::{call_for_model, refuse_unknown};

/// Function that a model can call.
///
/// [`FunctionTool`] makes one from an async function. A type of your own implements [`Traceable`] and
/// this trait; [`call`](Self::call) then calls it in a span.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Tool, ToolError, ToolSpec};
/// use raaf_trace_core::{Component, Traceable};
/// use serde_json::{Value, json};
///
/// #[derive(Traceable)]
/// struct Echo {
///     component: Component,
///     spec: ToolSpec,
/// }
///
/// #[async_trait::async_trait]
/// impl Tool for Echo {
///     fn spec(&self) -> &ToolSpec {
///         &self.spec
///     }
///     async fn invoke(&self, arguments: Value) -> Result<Value, ToolError> {
///         Ok(arguments)
///     }
/// }
///
/// let echo = Echo {
///     component: Component::tool("echo"),
///     spec: ToolSpec::new("echo", "Returns its arguments.", json!({ "type": "object" })),
/// };
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Tool`",
    label = "not a tool",
    note = "to make a tool from an async function, use `FunctionTool::new(name, description, function)`"
)]
#[async_trait]
pub trait Tool: Traceable + Send + Sync {
    /// Returns the name, description and parameters for the model.
    fn spec(&self) -> &ToolSpec;

    /// Invokes the tool without a span. Callers use [`call`](Self::call).
    ///
    /// # Errors
    ///
    /// If the arguments are invalid, or the tool fails.
    async fn invoke(&self, arguments: Json) -> Result<Json, ToolError>;

    /// Invokes the tool as part of a run. Override this in a tool that needs the run's context.
    ///
    /// # Errors
    ///
    /// See [`invoke`](Self::invoke).
    async fn invoke_in(&self, context: &RunContext, arguments: Json) -> Result<Json, ToolError> {
        let _ = context;
        self.invoke(arguments).await
    }

    /// Calls the tool in a span of kind `tool`, with arguments and result as content. Not to be
    /// overridden.
    ///
    /// A tool that calls another one within a run should use [`call_in`](Self::call_in), which passes
    /// its context on.
    ///
    /// # Errors
    ///
    /// See [`invoke`](Self::invoke); also if the call exceeds the [`timeout`](Self::timeout).
    async fn call(&self, arguments: Json) -> Result<Json, ToolError> {
        invoke::call(self, &RunContext::new(), arguments).await
    }

    /// Calls the tool as part of a run; see [`call`](Self::call).
    ///
    /// # Errors
    ///
    /// See [`call`](Self::call).
    async fn call_in(&self, context: &RunContext, arguments: Json) -> Result<Json, ToolError> {
        invoke::call(self, context, arguments).await
    }

    /// Returns whether the tool is on offer in this turn. If not, the model does not see it and cannot
    /// call it.
    fn is_enabled(&self, context: &RunContext) -> bool {
        let _ = context;
        true
    }

    /// Returns the maximum duration of a call; `None` for no limit. A call that exceeds it is dropped
    /// and fails with [`ToolError::Timeout`].
    ///
    /// # Panics
    ///
    /// A call with a limit panics outside of a tokio runtime, and in one without a timer
    /// (`enable_time` or `enable_all` of `tokio::runtime::Builder`).
    fn timeout(&self) -> Option<Duration> {
        None
    }

    /// Returns what to do when a call fails; `None` for the [runner's
    /// setting](crate::Runner::on_tool_error).
    fn on_error(&self) -> Option<OnToolError> {
        None
    }
}

#[async_trait]
impl<T: Tool + ?Sized> Tool for Arc<T> {
    fn spec(&self) -> &ToolSpec {
        (**self).spec()
    }

    async fn invoke(&self, arguments: Json) -> Result<Json, ToolError> {
        (**self).invoke(arguments).await
    }

    async fn invoke_in(&self, context: &RunContext, arguments: Json) -> Result<Json, ToolError> {
        (**self).invoke_in(context, arguments).await
    }

    fn is_enabled(&self, context: &RunContext) -> bool {
        (**self).is_enabled(context)
    }

    fn timeout(&self) -> Option<Duration> {
        (**self).timeout()
    }

    fn on_error(&self) -> Option<OnToolError> {
        (**self).on_error()
    }
}
