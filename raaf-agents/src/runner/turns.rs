//! The agent loop: model calls and tool calls in turns.

use std::mem;

use futures::{StreamExt as _, TryFutureExt as _, future};
use raaf_trace_core::{Attributes, Traceable as _, keys};
use tokio::time::{Instant, timeout_at};

use super::{
    RunError, RunErrorKind, Runner,
    calls::{Caller, TurnResults},
};
use crate::{
    agent::{Agent, Handoff},
    guardrail::GuardrailStage,
    model::{
        FinishReason, Message, ModelChunk, ModelError, ModelRequest, ModelResponse, ToolChoice,
        TracedModel,
    },
    run::{RunContext, RunEvent, RunProgress, RunResult},
    session::SessionError,
};

/// State of a run. It outlives the future that does the work, so that a cancelled run has progress.
pub(super) struct Run<'a> {
    runner: &'a Runner,
    context: RunContext,
    agent: Agent,
    request: ModelRequest,
    turns: u32,
    due: Option<Instant>,
    /// Number of leading messages of the request that are in the session or in `filtered`.
    stored: usize,
    /// Messages of this run that a hand-off's filter removed from the request.
    filtered: Vec<Message>,
}

/// End of an agent's part of a run.
enum End {
    Answer { output: String, finish_reason: FinishReason },
    HandedOver(Agent),
}

impl<'a> Run<'a> {
    pub(super) fn new(
        runner: &'a Runner,
        agent: &Agent,
        input: Vec<Message>,
        context: RunContext,
    ) -> Self {
        let due = runner.config.deadline.and_then(|time| Instant::now().checked_add(time));
        let (agent, request) = (agent.clone(), ModelRequest::new(input));
        Self { runner, context, agent, request, turns: 0, due, stored: 0, filtered: Vec::new() }
    }

    pub(super) fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Ends the run with an error, which takes the conversation.
    pub(super) fn fail(&mut self, kind: RunErrorKind) -> RunError {
        let progress = RunProgress {
            messages: mem::take(&mut self.request.messages),
            usage: self.context.usage(),
            usage_by_agent: self.context.usage_by_agent(),
            turns: self.turns,
        };
        RunError { kind, agent: self.agent.name().to_owned(), progress: Box::new(progress) }
    }

    /// Runs one agent after another until one answers.
    pub(super) async fn complete(&mut self) -> Result<RunResult, RunError> {
        self.load_session().await.map_err(|kind| self.fail(kind))?;
        let mut first = true;
        loop {
            match self.run_agent(first).await? {
                End::HandedOver(agent) => self.agent = agent,
                End::Answer { output, finish_reason } => {
                    self.save_session().await.map_err(|kind| self.fail(kind))?;
                    return Ok(RunResult {
                        output,
                        typed: self.agent.output().is_some(),
                        agent: self.agent.name().to_owned(),
                        finish_reason,
                        messages: mem::take(&mut self.request.messages),
                        usage: self.context.usage(),
                        usage_by_agent: self.context.usage_by_agent(),
                        turns: self.turns,
                    });
                }
            }
            first = false;
        }
    }

    /// Returns the latest text of the user.
    pub(super) fn input(&self) -> Option<&str> {
        let mut latest = self.request.messages.iter().rev();
        latest.find(|message| matches!(message, Message::User { .. })).map(Message::text)
    }

    async fn run_agent(&mut self, first: bool) -> Result<End, RunError> {
        let agent = self.agent.clone();
        let before = self.turns;
        let call = agent
            .traced("run")
            .include_sensitive_data(self.runner.config.includes_content())
            .with(keys::AGENT_MAX_TURNS, self.runner.max_turns)
            .with_content(keys::INPUT, self.input());
        let call = match &self.runner.config.model {
            Some(model) => call.with(keys::AGENT_MODEL, model.name()),
            None => call,
        };
        let run = async {
            let end = self.in_time(&agent, first).await.map_err(|kind| self.fail(kind));
            let turns = self.turns - before;
            if let (Err(error), Some(span)) = (&end, agent.current_span()) {
                span.set_attribute(keys::AGENT_STOP_REASON, error.kind.as_str());
                span.set_attribute(keys::AGENT_TURNS, turns);
            }
            end.map(|end| (end, turns))
        };
        call.on_result(|(end, turns): &(End, u32), attributes: &mut Attributes| {
            attributes.set(keys::AGENT_TURNS, *turns);
            if let End::Answer { output, .. } = end {
                attributes.set_content(keys::OUTPUT, output);
            }
        })
        .try_in_span(run)
        .await
        .map(|(end, _)| end)
    }

    /// Runs the agent's turns within the deadline. Calls that are open then are dropped and end as
    /// cancelled; the agent's own span fails.
    async fn in_time(&mut self, agent: &Agent, first: bool) -> Result<End, RunErrorKind> {
        let (Some(due), Some(deadline)) = (self.due, self.runner.config.deadline) else {
            return self.take_turns(agent, first).await;
        };
        let in_time = timeout_at(due, self.take_turns(agent, first)).await;
        in_time.unwrap_or(Err(RunErrorKind::Deadline { deadline }))
    }

    async fn take_turns(&mut self, agent: &Agent, first: bool) -> Result<End, RunErrorKind> {
        let (runner, context) = (self.runner, self.context.clone());
        let caller = Caller { runner, context: &context, agent };
        context.emit(|| RunEvent::AgentChanged { agent: agent.name().to_owned() });
        for hooks in caller.hooks() {
            hooks.agent_started(&context, agent).await;
        }
        self.prepare_request(agent);
        let input = self.request.last_user_text().to_owned();
        let guardrails = if first { agent.input_guardrails() } else { &[] };
        let (before, mut beside): (Vec<_>, Vec<_>) =
            guardrails.iter().partition(|guardrail| guardrail.is_before_model());
        caller.guard(GuardrailStage::Input, before, &input).await?;
        let mut repaired = false;
        loop {
            self.next_turn()?;
            self.update_tools(agent);
            for hooks in caller.hooks() {
                hooks.model_asked(&context, agent, &self.request).await;
            }
            let guard = caller.guard(GuardrailStage::Input, mem::take(&mut beside), &input);
            let call = call_model(caller, &self.request).map_err(RunErrorKind::Model);
            let ((), response) = future::try_join(guard, call).await?;
            for hooks in caller.hooks() {
                hooks.model_answered(&context, agent, &response).await;
            }
            let ModelResponse { message, finish_reason, .. } = response;
            let (calls, output) = (message.tool_calls.clone(), message.content.clone());
            self.request.messages.push(Message::Assistant(message));
            if !calls.is_empty() {
                let TurnResults { messages, next } =
                    caller.call_all(&calls).await.map_err(RunErrorKind::Tool)?;
                self.request.messages.extend(messages);
                self.lift_tool_choice();
                let Some((agent, handoff)) = next else { continue };
                self.apply_filter(handoff);
                return Ok(End::HandedOver(agent));
            }
            let output = output.unwrap_or_default();
            let output = match agent.output().map(|output_type| output_type.check(&output)) {
                None => output,
                Some(Ok(json)) => json.to_owned(),
                Some(Err(mismatch)) if repaired => return Err(RunErrorKind::Output { mismatch }),
                Some(Err(mismatch)) => {
                    repaired = true;
                    self.request_repair(agent, &mismatch);
                    continue;
                }
            };
            caller.guard(GuardrailStage::Output, agent.output_guardrails(), &output).await?;
            for hooks in caller.hooks() {
                hooks.agent_answered(&context, agent, &output).await;
            }
            return Ok(End::Answer { output, finish_reason });
        }
    }

    /// Sets the parts of the request that stay the same in all turns of an agent.
    fn prepare_request(&mut self, agent: &Agent) {
        let instructions = agent.prompt().map(|prompt| prompt.text(&self.context).into_owned());
        self.request.instructions = instructions;
        self.request.settings = agent.settings().clone();
        self.request.output_schema = agent.output().map(|output| output.schema().clone());
        self.request.tools.clear();
    }

    /// Offers the tools and hand-offs that are enabled in this turn.
    fn update_tools(&mut self, agent: &Agent) {
        let context = &self.context;
        let handoffs = agent.handoffs().iter().filter(|handoff| handoff.is_enabled(context));
        let tools = agent.tools().iter().filter(|tool| tool.is_enabled(context));
        // Servers refuse duplicate names. A call of such a name hands over.
        let is_handoff = |name: &str| handoffs.clone().any(|handoff| handoff.spec().name == name);
        let tools = tools.map(|tool| tool.spec()).filter(|spec| !is_handoff(&spec.name));
        let specs: Vec<_> = tools.chain(handoffs.clone().map(Handoff::spec)).collect();
        let offered = self.request.tools.iter().map(|tool| &tool.name);
        // Schemas are long, and rarely change between turns.
        if !offered.eq(specs.iter().map(|spec| &spec.name)) {
            self.request.tools = specs.into_iter().cloned().collect();
        }
    }

    fn next_turn(&mut self) -> Result<(), RunErrorKind> {
        let max_turns = self.runner.max_turns;
        if self.runner.config.stop.as_ref().is_some_and(|stop| stop(&self.context)) {
            return Err(RunErrorKind::Stopped);
        }
        if self.turns >= max_turns {
            return Err(RunErrorKind::MaxTurns { max_turns });
        }
        self.turns += 1;
        self.context.set_turn(self.turns);
        Ok(())
    }

    /// Lifts the obligation to call a tool: a model that must call one in every turn never answers.
    fn lift_tool_choice(&mut self) {
        let choice = &mut self.request.settings.tool_choice;
        if matches!(choice, Some(ToolChoice::Required | ToolChoice::Tool(_))) {
            *choice = None;
        }
    }

    fn request_repair(&mut self, agent: &Agent, mismatch: &str) {
        if let Some(span) = agent.current_span() {
            span.add_event("output.repair", |attributes| {
                attributes.set_content(keys::OUTPUT_FAULT, mismatch);
            });
        }
        self.request.messages.push(Message::user(format!(
            "Your answer does not match the required JSON Schema: {mismatch}. Answer again with only \
             the corrected JSON."
        )));
    }

    fn apply_filter(&mut self, handoff: &Handoff) {
        let Some(filter) = handoff.filter() else { return };
        let messages = mem::take(&mut self.request.messages);
        if self.runner.config.session.is_some() {
            self.filtered.extend_from_slice(messages.get(self.stored..).unwrap_or_default());
        }
        self.request.messages = filter(messages);
        self.stored = self.request.messages.len();
    }

    async fn load_session(&mut self) -> Result<(), RunErrorKind> {
        let Some(session) = &self.runner.config.session else { return Ok(()) };
        let mut messages = self.session_call(session.load()).await?;
        self.stored = messages.len();
        messages.append(&mut self.request.messages);
        self.request.messages = messages;
        Ok(())
    }

    async fn save_session(&mut self) -> Result<(), RunErrorKind> {
        let Some(session) = &self.runner.config.session else { return Ok(()) };
        let mut messages = mem::take(&mut self.filtered);
        messages.extend_from_slice(self.request.messages.get(self.stored..).unwrap_or_default());
        self.session_call(session.append(messages)).await
    }

    /// Awaits the session within the run's deadline.
    async fn session_call<T>(
        &self,
        work: impl Future<Output = Result<T, SessionError>>,
    ) -> Result<T, RunErrorKind> {
        let done = match (self.due, self.runner.config.deadline) {
            (Some(due), Some(deadline)) => {
                timeout_at(due, work).await.map_err(|_| RunErrorKind::Deadline { deadline })?
            }
            _ => work.await,
        };
        done.map_err(RunErrorKind::Session)
    }
}

/// Calls the model, streaming if the run is followed.
async fn call_model(
    caller: Caller<'_>,
    request: &ModelRequest,
) -> Result<ModelResponse, ModelError> {
    let Caller { runner, context, agent } = caller;
    let model = runner.config.model.as_ref().unwrap_or_else(|| agent.model());
    let response = if context.is_streamed() {
        stream_model(model, request, |text| {
            context.emit(|| RunEvent::TextDelta { agent: agent.name().to_owned(), text });
        })
        .await?
    } else {
        model.respond(request).await?
    };
    // Added at once, because an answer that a guardrail rejects is billed too.
    context.add_usage(agent.name(), response.usage);
    Ok(response)
}

async fn stream_model(
    model: &TracedModel,
    request: &ModelRequest,
    mut on_text: impl FnMut(String),
) -> Result<ModelResponse, ModelError> {
    let mut chunks = model.stream(request);
    while let Some(chunk) = chunks.next().await {
        match chunk? {
            ModelChunk::Text(text) => on_text(text),
            ModelChunk::ToolCall(_) => {}
            ModelChunk::Done(response) => return Ok(response),
        }
    }
    Err(ModelError::Malformed { message: "the stream ended without a final chunk".to_owned() })
}
