//! Tools: functions that a model can call.

mod approval;
mod arguments;
mod description;
mod error;
mod function;
mod invoke;
pub(crate) mod name;
mod source;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use raaf_trace_core::Traceable;
use serde_json::Value as Json;

use crate::{
    conversation::Content,
    diagram::Drawing,
    model::ToolSpec,
    run::RunContext,
    state::{ResumeError, RunState},
};
pub use approval::Approval;
pub(crate) use arguments::Arguments;
pub use description::Description;
pub use error::{OnToolError, ToolError};
pub use function::FunctionTool;
pub(crate) use invoke::{answer_instead, call_for_model, refuse_unknown};
pub use source::ToolSource;

/// Function that a model can call.
///
/// [`FunctionTool`] makes one from an async function. A type of your own implements [`Traceable`] and
/// this trait; [`call`](Self::call) then calls it in a span.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Content, Tool, ToolError, ToolSpec};
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
///     async fn invoke(&self, arguments: Value) -> Result<Content, ToolError> {
///         Ok(arguments.into())
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
    async fn invoke(&self, arguments: Json) -> Result<Content, ToolError>;

    /// Invokes the tool as part of a run. Override this in a tool that needs the run's context.
    ///
    /// # Errors
    ///
    /// See [`invoke`](Self::invoke).
    async fn invoke_in(&self, context: &RunContext, arguments: Json) -> Result<Content, ToolError> {
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
    async fn call(&self, arguments: Json) -> Result<Content, ToolError> {
        invoke::call(self, &RunContext::new(), arguments).await
    }

    /// Calls the tool as part of a run; see [`call`](Self::call).
    ///
    /// # Errors
    ///
    /// See [`call`](Self::call).
    async fn call_in(&self, context: &RunContext, arguments: Json) -> Result<Content, ToolError> {
        invoke::call(self, context, arguments).await
    }

    /// Returns whether the tool is on offer in this turn. If not, the model does not see it and cannot
    /// call it.
    fn is_enabled(&self, context: &RunContext) -> bool {
        let _ = context;
        true
    }

    /// Returns whether a call with these arguments pauses the run until a person approves or rejects it;
    /// see [`RunState`](crate::RunState). False by default. Asked once for each call; direct calls by
    /// [`call`](Self::call) are not held up.
    fn needs_approval(&self, context: &RunContext, arguments: &Json) -> bool {
        let _ = (context, arguments);
        false
    }

    /// Checks that the tool can go on with a run that it started before a
    /// [pause](crate::ToolError::Paused). Only agents called as tools start runs that can pause.
    ///
    /// # Errors
    ///
    /// If the state of that run does not fit.
    fn can_resume(&self, state: &RunState) -> Result<(), ResumeError> {
        let _ = state;
        Ok(())
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

    /// Returns whether the steps of the run that a call starts are [journaled](crate::Journal) instead of
    /// the call. False by default; true for agents called as tools. A tool that wraps another one forwards
    /// the call.
    fn journals_steps(&self) -> bool {
        false
    }

    /// Returns whether a successful result is the answer of the run, which then ends. False by default.
    fn is_final(&self) -> bool {
        false
    }

    /// Draws what the tool runs, in a [diagram](crate::Diagram) that already has a box with the tool's name;
    /// the default draws nothing. A tool that runs an agent or a pipeline draws that, and a tool that wraps
    /// another one forwards the call.
    ///
    /// ```
    /// use raaf_agents::{Agent, Content, Drawing, ScriptedModel, Tool, ToolError, ToolSpec};
    /// use raaf_trace_core::{Component, Traceable};
    /// use serde_json::{Value, json};
    ///
    /// #[derive(Traceable)]
    /// struct Ask {
    ///     component: Component,
    ///     spec: ToolSpec,
    ///     expert: Agent,
    /// }
    ///
    /// #[async_trait::async_trait]
    /// impl Tool for Ask {
    ///     fn spec(&self) -> &ToolSpec {
    ///         &self.spec
    ///     }
    ///     async fn invoke(&self, question: Value) -> Result<Content, ToolError> {
    ///         let failed = |error| ToolError::Failed { tool: "ask".to_owned(), source: Box::new(error) };
    ///         let answer = self.expert.run(question.to_string()).await.map_err(failed)?;
    ///         Ok(answer.output.into())
    ///     }
    ///     fn draw(&self, drawing: &mut Drawing) {
    ///         drawing.note("no session");
    ///         drawing.agent(&self.expert);
    ///     }
    /// }
    ///
    /// let model = || ScriptedModel::new("scripted", ["…"]);
    /// let ask = Ask {
    ///     component: Component::tool("ask"),
    ///     spec: ToolSpec::new("ask", "Asks an expert.", json!({ "type": "object" })),
    ///     expert: Agent::builder("Expert", model()).build(),
    /// };
    /// let clerk = Agent::builder("Clerk", model()).tool(ask).build();
    /// let expected = "\
    /// Agent: Clerk  (model scripted)
    /// └── Tool: ask  (no session)
    ///     └── Agent: Expert  (model scripted)
    /// ";
    /// assert_eq!(clerk.diagram().to_string(), expected);
    /// ```
    fn draw(&self, drawing: &mut Drawing) {
        let _ = drawing;
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

    async fn invoke(&self, arguments: Json) -> Result<Content, ToolError> {
        (**self).invoke(arguments).await
    }

    async fn invoke_in(&self, context: &RunContext, arguments: Json) -> Result<Content, ToolError> {
        (**self).invoke_in(context, arguments).await
    }

    fn is_enabled(&self, context: &RunContext) -> bool {
        (**self).is_enabled(context)
    }

    fn needs_approval(&self, context: &RunContext, arguments: &Json) -> bool {
        (**self).needs_approval(context, arguments)
    }

    fn can_resume(&self, state: &RunState) -> Result<(), ResumeError> {
        (**self).can_resume(state)
    }

    fn timeout(&self) -> Option<Duration> {
        (**self).timeout()
    }

    fn on_error(&self) -> Option<OnToolError> {
        (**self).on_error()
    }

    fn journals_steps(&self) -> bool {
        (**self).journals_steps()
    }

    fn is_final(&self) -> bool {
        (**self).is_final()
    }

    fn draw(&self, drawing: &mut Drawing) {
        (**self).draw(drawing);
    }
}
