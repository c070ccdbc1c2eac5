//! Tools: functions that a model can call.

mod error;
mod function;
mod invoke;

use std::sync::Arc;

use async_trait::async_trait;
use raaf_trace_core::Traceable;
use serde_json::Value as Json;

use crate::model::ToolSpec;
pub use error::ToolError;
pub use function::FunctionTool;
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
}

#[async_trait]
impl<T: Tool + ?Sized> Tool for Arc<T> {
    fn spec(&self) -> &ToolSpec {
        (**self).spec()
    }

    async fn invoke(&self, arguments: Json) -> Result<Json, ToolError> {
        (**self).invoke(arguments).await
    }
}
