//! The loop.

use futures::{StreamExt as _, future};
use raaf_trace_core::{Attributes, TraceableExt as _, keys};
use tokio::time::{Instant, timeout_at};

use super::{
    RunContext, RunError, RunEvent, RunProgress, RunResult, Runner,
    calls::{Answers, Caller},
};
use crate::{
    agent::Agent,
    guardrail::{Guardrail, GuardrailStage},
    handoff::Handoff,
    model::{
        FinishReason, Message, ModelChunk, ModelError, ModelRequest, ModelResponse, ToolChoice,
        TracedModel,
    },
    session::SessionError,
};

/// A run under way. What it did so far is here, also when its future is dropped.
pub(super) struct Run<'a> {
    runner: &'a Runner,
    context: RunContext,
    agent: Agent,
    request: ModelRequest,
    turns: u32,
    due: Option<Instant>,
    /// How many messages of the request a session has, or are set aside.
    kept: usize,
    /// What was said in this run and is out of the request by a hand-off's filter.
    aside: Vec<Message>,
}

/// How an agent's part of a run ended.
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
        Self { runner, context, agent, request, turns: 0, due, kept: 0, aside: Vec::new() }
    }

    pub(super) fn agent(&self) -> &Agent {
        &self.agent
    }

    pub(super) fn into_progress(mut self) -> RunProgress {
        RunProgress { messages: std::mem::take(&mut self.request.messages), ..self.progress() }
    }

    /// For an error within the run: the conversation is added at its end.
    pub(super) fn progress(&self) -> RunProgress {
        let (usage, usage_by_agent) = (self.context.usage(), self.context.usage_by_agent());
        let (agent, turns) = (self.agent.name().to_owned(), self.turns);
        RunProgress { agent, messages: Vec::new(), usage, usage_by_agent, turns }
    }

    /// Runs one agent after another until one answers.
    pub(super) async fn complete(&mut self) -> Result<RunResult, RunError> {
        self.recall().await?;
        let mut first = true;
        loop {
            match self.run_agent(first).await? {
                End::HandedOver(agent) => self.agent = agent,
                End::Answer { output, finish_reason } => {
                    self.remember().await?;
                    let RunProgress { usage, usage_by_agent, turns, .. } = self.progress();
                    let (agent, typed) =
                        (self.agent.name().to_owned(), self.agent.output().is_some());
                    let messages = std::mem::take(&mut self.request.messages);
                    return Ok(RunResult {
                        output,
                        typed,
                        agent,
                        finish_reason,
                        messages,
                        usage,
                        usage_by_agent,
                        turns,
                    });
                }
            }
            first = false;
        }
    }

    async fn run_agent(&mut self, first: bool) -> Result<End, RunError> {
        let agent = self.agent.clone();
        let before = self.turns;
        let said = self.request.messages.iter().rev();
        let input = said.clone().find(|message| matches!(message, Message::User { .. }));
        let other_model = self.runner.config.model.as_ref().map(TracedModel::name);
        let call = agent
            .traced("run")
            .include_sensitive_data(self.runner.config.includes_content())
            .with(keys::AGENT_MAX_TURNS, self.runner.max_turns)
            .with_content(keys::INPUT, input.map(Message::text));
        let call = match other_model {
            Some(model) => call.with(keys::AGENT_MODEL, model),
            None => call,
        };
        let run = async {
            let end = self.in_time(&agent, first).await;
            let turns = self.turns - before;
            if let (Err(error), Some(span)) = (&end, agent.current_span()) {
                span.set_attribute(keys::AGENT_STOP_REASON, error.reason());
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
        .try_run_async(run)
        .await
        .map(|(end, _)| end)
    }

    /// What is open when the time is up is dropped; the agent itself has failed.
    async fn in_time(&mut self, agent: &Agent, first: bool) -> Result<End, RunError> {
        let (Some(due), Some(deadline)) = (self.due, self.runner.config.deadline) else {
            return self.take_turns(agent, first).await;
        };
        let in_time = timeout_at(due, self.take_turns(agent, first)).await;
        in_time.unwrap_or_else(|_| {
            let (agent, progress) = (agent.name().to_owned(), self.progress().into());
            Err(RunError::Deadline { agent, deadline, progress })
        })
    }

    async fn take_turns(&mut self, agent: &Agent, first: bool) -> Result<End, RunError> {
        let (runner, context) = (self.runner, self.context.clone());
        let caller = Caller { runner, context: &context, agent };
        let name = || agent.name().to_owned();
        context.tell(|| RunEvent::AgentChanged { agent: name() });
        for hooks in caller.hooks() {
            hooks.agent_started(&context, agent).await;
        }
        self.begin(agent);
        let text = self.request.last_user_text().to_owned();
        let guardrails = if first { agent.input_guardrails() } else { &[] };
        let (before, beside): (Vec<_>, Vec<_>) =
            guardrails.iter().partition(|guardrail| guardrail.is_before_model());
        if !before.is_empty() {
            let verdict = caller.guard(GuardrailStage::Input, before, &text).await;
            verdict.map_err(|error| error.with_progress(self.progress()))?;
        }
        let mut beside: Option<Vec<&Guardrail>> = Some(beside).filter(|all| !all.is_empty());
        let mut repaired = false;
        loop {
            self.next_turn(agent)?;
            self.offer(agent);
            for hooks in caller.hooks() {
                hooks.model_asked(&context, agent, &self.request).await;
            }
            let asked = ask(caller, &self.request);
            let answer = match beside.take() {
                None => asked.await.map_err(Refusal::Model),
                Some(beside) => {
                    let guard = caller.guard(GuardrailStage::Input, beside, &text);
                    let guard = async { guard.await.map_err(Refusal::Guardrail) };
                    let asked = async { asked.await.map_err(Refusal::Model) };
                    future::try_join(guard, asked).await.map(|((), answer)| answer)
                }
            };
            let response = answer.map_err(|refusal| match refusal {
                Refusal::Guardrail(error) => error.with_progress(self.progress()),
                Refusal::Model(source) => {
                    RunError::Model { agent: name(), source, progress: self.progress().into() }
                }
            })?;
            for hooks in caller.hooks() {
                hooks.model_answered(&context, agent, &response).await;
            }
            let ModelResponse { message, finish_reason, .. } = response;
            let (calls, output) = (message.tool_calls.clone(), message.content.clone());
            self.request.messages.push(Message::Assistant(message));
            if !calls.is_empty() {
                let answers = caller.answer(&calls).await.map_err(|source| RunError::Tool {
                    agent: name(),
                    source,
                    progress: self.progress().into(),
                })?;
                let Answers { messages, next } = answers;
                self.request.messages.extend(messages);
                self.allow_answer();
                let Some((agent, handoff)) = next else { continue };
                self.filter(handoff);
                return Ok(End::HandedOver(agent));
            }
            let output = output.unwrap_or_default();
            let output = match agent.output().map(|output_type| output_type.check(&output)) {
                None => output,
                Some(Ok(json)) => json.to_owned(),
                Some(Err(fault)) if repaired => {
                    let progress = self.progress().into();
                    return Err(RunError::Output { agent: name(), fault, progress });
                }
                Some(Err(fault)) => {
                    repaired = true;
                    self.ask_again(agent, &fault);
                    continue;
                }
            };
            let verdict = caller.guard(GuardrailStage::Output, agent.output_guardrails(), &output);
            verdict.await.map_err(|error| error.with_progress(self.progress()))?;
            for hooks in caller.hooks() {
                hooks.agent_answered(&context, agent, &output).await;
            }
            return Ok(End::Answer { output, finish_reason });
        }
    }

    /// What does not change from turn to turn.
    fn begin(&mut self, agent: &Agent) {
        let instructions = agent.prompt().map(|prompt| prompt.text(&self.context).into_owned());
        self.request.instructions = instructions;
        self.request.settings = agent.settings().clone();
        self.request.output_schema = agent.output().map(|output| output.schema().clone());
        self.request.tools.clear();
    }

    /// Puts on offer what is enabled now.
    fn offer(&mut self, agent: &Agent) {
        let context = &self.context;
        let handoffs = agent.handoffs().iter().filter(|handoff| handoff.is_enabled(context));
        let tools = agent.tools().iter().filter(|tool| tool.is_enabled(context));
        // Servers refuse a name that comes twice; a call of it hands over.
        let is_handoff = |name: &str| handoffs.clone().any(|handoff| handoff.spec().name == name);
        let tools = tools.map(|tool| tool.spec()).filter(|spec| !is_handoff(&spec.name));
        let specs: Vec<_> = tools.chain(handoffs.clone().map(Handoff::spec)).collect();
        let offered = self.request.tools.iter().map(|tool| &tool.name);
        // Mostly nothing changes, and schemas are long.
        if !offered.eq(specs.iter().map(|spec| &spec.name)) {
            self.request.tools = specs.into_iter().cloned().collect();
        }
    }

    fn next_turn(&mut self, agent: &Agent) -> Result<(), RunError> {
        let max_turns = self.runner.max_turns;
        let name = || agent.name().to_owned();
        if self.runner.config.stop.as_ref().is_some_and(|stop| stop(&self.context)) {
            return Err(RunError::Stopped { agent: name(), progress: self.progress().into() });
        }
        if self.turns >= max_turns {
            let progress = self.progress().into();
            return Err(RunError::MaxTurns { agent: name(), max_turns, progress });
        }
        self.turns += 1;
        self.context.set_turn(self.turns);
        Ok(())
    }

    /// A model that must call tools every time would never answer.
    fn allow_answer(&mut self) {
        let choice = &mut self.request.settings.tool_choice;
        if matches!(choice, Some(ToolChoice::Required | ToolChoice::Tool(_))) {
            *choice = None;
        }
    }

    fn ask_again(&mut self, agent: &Agent, fault: &str) {
        if let Some(span) = agent.current_span() {
            span.add_event("output.repair", |attributes| {
                attributes.set_content(keys::OUTPUT_FAULT, fault);
            });
        }
        self.request.messages.push(Message::user(format!(
            "That answer does not fit: {fault}. Answer again, with nothing but JSON that fits."
        )));
    }

    fn filter(&mut self, handoff: &Handoff) {
        let Some(filter) = handoff.filter() else { return };
        let messages = std::mem::take(&mut self.request.messages);
        if self.runner.config.session.is_some() {
            self.aside.extend_from_slice(messages.get(self.kept..).unwrap_or_default());
        }
        self.request.messages = filter(messages);
        self.kept = self.request.messages.len();
    }

    async fn recall(&mut self) -> Result<(), RunError> {
        let Some(session) = &self.runner.config.session else { return Ok(()) };
        let mut messages = self.stored(session.load()).await?;
        self.kept = messages.len();
        messages.append(&mut self.request.messages);
        self.request.messages = messages;
        Ok(())
    }

    async fn remember(&mut self) -> Result<(), RunError> {
        let Some(session) = &self.runner.config.session else { return Ok(()) };
        let mut said = std::mem::take(&mut self.aside);
        said.extend_from_slice(self.request.messages.get(self.kept..).unwrap_or_default());
        self.stored(session.append(said)).await
    }

    /// What a session's store does, which is a part of the run: of its time too.
    async fn stored<T>(
        &self,
        work: impl Future<Output = Result<T, SessionError>>,
    ) -> Result<T, RunError> {
        let end = || (self.agent.name().to_owned(), Box::new(self.progress()));
        let done = match (self.due, self.runner.config.deadline) {
            (Some(due), Some(deadline)) => timeout_at(due, work).await.map_err(|_| {
                let (agent, progress) = end();
                RunError::Deadline { agent, deadline, progress }
            })?,
            _ => work.await,
        };
        done.map_err(|source| {
            let (agent, progress) = end();
            RunError::Session { agent, source, progress }
        })
    }
}

/// Why a turn got no further than the model.
enum Refusal {
    Model(ModelError),
    Guardrail(RunError),
}

/// Asks the model; where the run is followed, in pieces.
async fn ask(caller: Caller<'_>, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
    let Caller { runner, context, agent } = caller;
    let model = runner.config.model.as_ref().unwrap_or_else(|| agent.model());
    let response = if context.is_streamed() {
        follow(model, request, |text| {
            context.tell(|| RunEvent::TextDelta { agent: agent.name().to_owned(), text });
        })
        .await?
    } else {
        model.respond(request).await?
    };
    // At once: also an answer that a guardrail then rejects was paid for.
    context.add_usage(agent.name(), response.usage);
    Ok(response)
}

async fn follow(
    model: &TracedModel,
    request: &ModelRequest,
    mut tell: impl FnMut(String),
) -> Result<ModelResponse, ModelError> {
    let mut pieces = model.stream(request);
    while let Some(piece) = pieces.next().await {
        match piece? {
            ModelChunk::Text(text) => tell(text),
            ModelChunk::ToolCall(_) => {}
            ModelChunk::Done(response) => return Ok(response),
        }
    }
    Err(ModelError::Malformed { message: "the stream has no end".to_owned() })
}
