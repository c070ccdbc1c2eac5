//! Tools: functions that a model can call.

mod description;
mod error;
mod function;
mod invoke;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use raaf_trace_core::Traceable;
use serde_json::Value as Json;

use crate::{
    model::ToolSpec,
    runner::{OnToolError, RunContext},
};
pub use description::Description;
pub use error::ToolError;
pub use function::FunctionTool;
pub(crate) use function::schema_of;
pub use invoke::ToolExt;
pub(crate) use invoke::{answer, refuse_unknown};

/// A function that a model can call, described so that it knows when and how.
///
/// For most tools a [`FunctionTool`] will do. A type of your own is a tool once it is
/// [`Traceable`], has a [`ToolSpec`] and says what happens when it is invoked; agents then call it
/// by [`ToolExt::call`], which makes the span.
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
///     spec: ToolSpec::new("echo", "Repeats what it is given.", json!({ "type": "object" })),
/// };
/// ```
#[async_trait]
pub trait Tool: Traceable + Send + Sync {
    /// How the tool is described to a model.
    fn spec(&self) -> &ToolSpec;

    /// Does the work, untraced; [`ToolExt::call`] is what callers use.
    ///
    /// # Errors
    ///
    /// When the arguments do not fit, or the work fails.
    async fn invoke(&self, arguments: Json) -> Result<Json, ToolError>;

    /// The same within a run. Implement this one for a tool that needs the run's context.
    ///
    /// # Errors
    ///
    /// As for [`invoke`](Self::invoke).
    async fn invoke_in(&self, context: &RunContext, arguments: Json) -> Result<Json, ToolError> {
        let _ = context;
        self.invoke(arguments).await
    }

    /// Whether it is on offer now. One that is not does not exist for the model.
    fn is_enabled(&self, context: &RunContext) -> bool {
        let _ = context;
        true
    }

    /// How long a call may take; then it is dropped, and fails.
    ///
    /// # Panics
    ///
    /// With a limit a call panics outside of a tokio runtime, and inside of one whose clock is
    /// not enabled (`enable_time` or `enable_all` of `tokio::runtime::Builder`).
    fn timeout(&self) -> Option<Duration> {
        None
    }

    /// What happens when it fails; what the [`Runner`](crate::Runner) says if it does not say.
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
