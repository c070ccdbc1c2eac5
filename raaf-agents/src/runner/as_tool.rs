//! Agents called as tools.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use raaf_trace_core::{Attributes, Component, Traceable, call::Failure, keys};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value as Json;

use super::{Input, Runner};
use crate::{
    agent::Agent,
    conversation::{Content, Message},
    diagram::Drawing,
    errors::{BoxError, boxed},
    model::ToolSpec,
    run::{RunContext, RunResult},
    state::{ResumeError, RunState},
    tool::{Approval, Arguments, Tool, ToolError, name},
};

type MakeInput = dyn Fn(&str, Json) -> Result<Vec<Message>, ToolError> + Send + Sync;
type MakeOutput = dyn Fn(&RunResult) -> Result<Content, BoxError> + Send + Sync;

/// Tool that runs an agent; see [`Agent::as_tool`].
#[derive(Clone)]
pub struct AgentTool {
    component: Component,
    spec: ToolSpec,
    agent: Agent,
    runner: Runner,
    input: Arc<MakeInput>,
    output: Option<Arc<MakeOutput>>,
    approval: Approval,
}

#[derive(Deserialize, JsonSchema)]
struct Question {
    /// The question or task for the agent.
    input: String,
}

impl Agent {
    /// Returns a tool by which another agent asks this one a question and continues with the
    /// answer.
    ///
    /// The inner run's spans are under the tool's span. It shares the outer run's context, its usage
    /// counts in the outer run, and its events appear in the outer run's stream as
    /// [`RunEvent::InTool`](crate::RunEvent::InTool). It starts with an empty conversation at each
    /// call.
    ///
    /// Servers accept tool names of up to 64 letters, digits, `_` and `-`. Another name, such as
    /// `Billing Agent`, is converted, and gets a hash, so that different names stay different.
    ///
    /// ```
    /// use raaf_agents::{Agent, Reply, ScriptedModel};
    /// use serde_json::json;
    ///
    /// let poet = Agent::builder("Poet", ScriptedModel::new("scripted", ["Roses are red."])).build();
    /// let model = ScriptedModel::new("scripted", [
    ///     Reply::call("write_poem", json!({ "input": "about roses" })),
    ///     Reply::text("Here it is: Roses are red."),
    /// ]);
    /// let editor = Agent::builder("Editor", model)
    ///     .tool(poet.as_tool("write_poem", "Writes a poem."))
    ///     .build();
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let result = editor.run("A poem, please.").await?;
    /// assert_eq!(result.usage_by_agent.len(), 2);
    /// # Ok::<(), raaf_agents::RunError>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn as_tool(&self, name: impl Into<String>, description: impl Into<String>) -> AgentTool {
        let name = name.into();
        let component = Component::tool(&name);
        let (parameters, input) = input_of(|Question { input }| input);
        let spec = ToolSpec::new(name::legal(name), description, parameters);
        AgentTool {
            component,
            spec,
            agent: self.clone(),
            runner: Runner::new(),
            input,
            output: None,
            approval: Approval::never(),
        }
    }
}

impl AgentTool {
    /// Gives the tool arguments of a type, instead of a text, and a function that converts them into the
    /// agent's input. Arguments that do not match the type are an error for the model.
    ///
    /// ```
    /// use raaf_agents::{Agent, ModelRequest, ScriptedModel, Tool as _};
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    /// use serde_json::json;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Translation {
    ///     text: String,
    ///     /// Such as `German`.
    ///     language: String,
    /// }
    ///
    /// let echo = ScriptedModel::from_fn("echo", |request: &ModelRequest| {
    ///     request.last_user_text().into_owned()
    /// });
    /// let translate = Agent::builder("Translator", echo)
    ///     .build()
    ///     .as_tool("translate", "Translates.")
    ///     .with_arguments(|Translation { text, language }| format!("Into {language}: {text}"));
    /// assert_eq!(translate.spec().parameters["required"], json!(["text", "language"]));
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let arguments = json!({ "text": "tea", "language": "German" });
    /// assert_eq!(translate.call(arguments).await?, "Into German: tea");
    /// # Ok::<(), raaf_agents::ToolError>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn with_arguments<A: DeserializeOwned + JsonSchema, I: Into<Input>>(
        mut self,
        input: impl Fn(A) -> I + Send + Sync + 'static,
    ) -> Self {
        (self.spec.parameters, self.input) = input_of(input);
        self
    }

    /// Sets a function that makes the tool's result from that of the agent; by default, the result is the
    /// agent's answer. An error of the function fails the call.
    ///
    /// ```
    /// use raaf_agents::{Agent, ScriptedModel};
    /// use serde_json::Value;
    ///
    /// let model = ScriptedModel::new("scripted", [r#"{ "degrees": 21, "sources": 17 }"#]);
    /// let forecast = Agent::builder("Forecaster", model)
    ///     .build()
    ///     .as_tool("forecast", "Forecasts the temperature.")
    ///     .with_output(|result| result.parse::<Value>().map(|answer| answer["degrees"].clone()));
    /// ```
    #[must_use]
    pub fn with_output<C: Into<Content>, E: Failure<Via> + Into<BoxError>, Via>(
        mut self,
        output: impl Fn(&RunResult) -> Result<C, E> + Send + Sync + 'static,
    ) -> Self {
        self.output = Some(Arc::new(move |result| output(result).map(Into::into).map_err(boxed)));
        self
    }

    /// Sets when a call pauses the outer run until a person approves or rejects it.
    #[must_use]
    pub fn with_approval(mut self, approval: Approval) -> Self {
        self.approval = approval;
        self
    }

    /// Sets the runner of the inner runs. The outer run's runner and configuration do not apply to
    /// them.
    #[must_use]
    pub fn with_runner(mut self, runner: Runner) -> Self {
        self.runner = runner;
        self
    }
}

/// Returns the schema of the arguments, and the function that makes input of them.
fn input_of<A: DeserializeOwned + JsonSchema, I: Into<Input>>(
    input: impl Fn(A) -> I + Send + Sync + 'static,
) -> (Json, Arc<MakeInput>) {
    let (schema, reader) = Arguments::of::<A>();
    let input = move |tool: &str, arguments| {
        let invalid = |message| ToolError::Arguments { tool: tool.to_owned(), message };
        let Input(messages) = input(reader.read(arguments).map_err(invalid)?).into();
        Ok(messages)
    };
    (schema, Arc::new(input))
}

impl Traceable for AgentTool {
    fn component(&self) -> &Component {
        &self.component
    }

    fn span_attributes(&self, attributes: &mut Attributes) {
        attributes.set(keys::TOOL_NAME, &self.spec.name);
    }
}

#[async_trait]
impl Tool for AgentTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn needs_approval(&self, context: &RunContext, arguments: &Json) -> bool {
        self.approval.is_needed(context, arguments)
    }

    fn can_resume(&self, state: &RunState) -> Result<(), ResumeError> {
        Runner::can_resume(&self.agent, state)
    }

    fn journals_steps(&self) -> bool {
        true
    }

    fn draw(&self, drawing: &mut Drawing) {
        if let Some(note) = self.approval.note() {
            drawing.note(note);
        }
        drawing.agent(&self.agent);
    }

    async fn invoke(&self, arguments: Json) -> Result<Content, ToolError> {
        self.invoke_in(&RunContext::new(), arguments).await
    }

    async fn invoke_in(&self, context: &RunContext, arguments: Json) -> Result<Content, ToolError> {
        let tool = || self.spec.name.clone();
        let outer = context.clone();
        let (number, paused) = context.begin_inner();
        let run = if let Some(state) = paused {
            self.runner.resumed(&self.agent, *state, None, Some(outer))
        } else {
            let input = (self.input)(&self.spec.name, arguments)?;
            Ok(self.runner.begun(&self.agent, input, None, Some((outer, number))))
        };
        let failed = |source| ToolError::Failed { tool: tool(), source };
        let ended = match run {
            Ok(run) => self.runner.complete(run).await,
            Err(error) => Err(error),
        };
        let result = ended.map_err(|error| match error.into_state() {
            Ok(mut state) => {
                state.number = number;
                context.inner_paused(&state);
                ToolError::Paused { tool: tool(), state: Box::new(state) }
            }
            Err(error) => failed(error.into()),
        })?;
        match &self.output {
            Some(output) => output(&result).map_err(failed),
            // A typed answer is JSON text already, which models read as well as a JSON value.
            None => Ok(result.output.into()),
        }
    }
}

impl fmt::Debug for AgentTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentTool")
            .field("name", &self.spec.name)
            .field("agent", &self.agent.name())
            .finish_non_exhaustive()
    }
}
