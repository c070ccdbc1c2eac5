//! The agent loop: model calls and tool calls in turns.

mod sourced;
mod steps;

use std::{
    borrow::Cow,
    mem,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use raaf_trace_core::{Attributes, SpanContext, Traceable as _, keys};
use tokio::time::{Instant, timeout_at};

use super::{
    RunError, RunErrorKind, Runner, calls::Caller, history::History, machine::Next, resume,
};
use crate::{
    agent::{Agent, MismatchAction},
    conversation::{Message, Role, answer_open_calls},
    model::FinishReason,
    run::{LastAgent, RunContext, RunProgress, RunResult},
    state::{Phase, ResumeError, RunState},
};

/// A run under way. It outlives the future that does the work, so that a cancelled run has progress.
pub(super) struct Run<'a> {
    runner: &'a Runner,
    context: RunContext,
    agent: Agent,
    state: RunState,
    due: Option<Instant>,
    history: History,
    /// The run goes on after a pause.
    is_resumed: bool,
    /// The text so far of the message that the model writes.
    partial: Mutex<String>,
}

/// A run that is dropped leaves in the session what its tools did.
impl Drop for Run<'_> {
    fn drop(&mut self) {
        let messages = self.take_messages("the run was dropped");
        mem::take(&mut self.history).save_dropped(messages);
    }
}

/// End of an agent's part of a run. Its name is the type of result in the agent's span.
enum AgentResult {
    Answer { output: String, finish_reason: FinishReason },
    HandedOver(Agent),
}

impl<'a> Run<'a> {
    pub(super) fn new(
        runner: &'a Runner,
        agent: &Agent,
        context: RunContext,
        state: RunState,
        is_resumed: bool,
    ) -> Self {
        let due = runner.config.deadline.and_then(|time| Instant::now().checked_add(time));
        let (session, policy) = (runner.config.session.clone(), runner.config.session_policy);
        let history = History::new(session, policy, context.session_step(), state.stored.clone());
        let (agent, partial) = (agent.clone(), Mutex::default());
        Self { runner, context, agent, state, due, history, is_resumed, partial }
    }

    pub(super) fn context(&self) -> &RunContext {
        &self.context
    }

    pub(super) fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    pub(super) fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Ends the run with an error, which takes the conversation. Each call of it has a result.
    pub(super) fn fail(&mut self, kind: RunErrorKind) -> RunError {
        let mut messages = match &kind {
            RunErrorKind::Paused(state) => state.valid_messages(),
            _ => self.take_messages(&kind.summary()),
        };
        let text = mem::take(self.partial.get_mut().unwrap_or_else(PoisonError::into_inner));
        let is_cut = !text.is_empty() && kind.guardrail().is_none();
        messages.extend(is_cut.then(|| Message::assistant(text)));
        let progress = RunProgress {
            messages,
            finish_reason: is_cut.then(|| kind.as_str().into()),
            usage: self.context.usage(),
            usage_by_agent: self.context.usage_by_agent(),
            cost: self.context.cost(),
            turns: self.context.turn(),
            last_agent: LastAgent::new(self.agent.clone()),
        };
        RunError { kind, agent: self.agent.name().to_owned(), progress: Box::new(progress) }
    }

    /// Takes the conversation. Calls without a result get one that has the reason.
    fn take_messages(&mut self, reason: &str) -> Vec<Message> {
        let reason = format!("The tool was not run, or did not finish: {reason}.");
        let messages = &mut self.state.request.messages;
        answer_open_calls(messages, &reason);
        mem::take(messages)
    }

    /// Runs one agent after another until one answers.
    pub(super) async fn complete(&mut self) -> Result<RunResult, RunError> {
        if !self.is_resumed {
            self.load().await.map_err(|kind| self.fail(kind))?;
        }
        loop {
            match self.run_agent().await? {
                AgentResult::HandedOver(agent) => self.agent = agent,
                AgentResult::Answer { output, finish_reason } => {
                    let saved = {
                        let limit = self.deadline();
                        let save = self.history.finish(&self.state.request.messages);
                        in_time(limit, save).await
                    };
                    saved.map_err(|kind| self.fail(kind))?;
                    // The result of a tool need not match the output type.
                    let last = self.state.request.messages.last();
                    let is_of_tool = last.is_some_and(|message| message.role == Role::Tool);
                    let typed = self
                        .agent
                        .output()
                        .is_some_and(|wanted| !is_of_tool || wanted.check(&output).is_ok());
                    return Ok(RunResult {
                        output,
                        typed,
                        agent: self.agent.name().to_owned(),
                        finish_reason,
                        messages: mem::take(&mut self.state.request.messages),
                        usage: self.context.usage(),
                        usage_by_agent: self.context.usage_by_agent(),
                        cost: self.context.cost(),
                        turns: self.state.turns,
                        last_agent: LastAgent::new(self.agent.clone()),
                    });
                }
            }
        }
    }

    async fn load(&mut self) -> Result<(), RunErrorKind> {
        let (limit, mut calls) = (self.deadline(), Vec::new());
        let load = self.history.load(&mut self.state.request.messages, &mut calls);
        let loaded = in_time(limit, load).await;
        for call in &calls {
            self.context.add_made_call(self.agent.name(), call);
        }
        loaded?;
        if self.state.request.messages.is_empty() { Err(RunErrorKind::NoInput) } else { Ok(()) }
    }

    /// Returns the provider of the model that the run begins with.
    pub(super) fn provider(&self) -> Option<&str> {
        let model = self.runner.config.model.as_ref();
        model.unwrap_or_else(|| self.agent.model()).provider()
    }

    /// Returns the latest text of the user.
    pub(super) fn input(&self) -> Option<Cow<'_, str>> {
        let mut latest = self.state.request.messages.iter().rev();
        latest.find(|message| message.role == Role::User).map(Message::text)
    }

    async fn run_agent(&mut self) -> Result<AgentResult, RunError> {
        let agent = self.agent.clone();
        let before = self.state.turns;
        let goes_on = self.is_resumed && !matches!(self.state.phase, Phase::Start { .. });
        let paused = self.state.context().filter(|_| goes_on).and_then(|it| it.span_context());
        let call = agent
            .traced("run")
            .include_sensitive_data(self.runner.config.includes_content())
            .with(keys::AGENT_MAX_TURNS, self.runner.max_turns)
            .with(keys::RESUMED, self.is_resumed.then_some(true))
            .with_content(keys::INPUT, self.input().as_deref());
        let call = match &self.runner.config.model {
            Some(model) => call
                .with(keys::AGENT_MODEL, model.name())
                .with(keys::GEN_AI_PROVIDER_NAME, model.provider()),
            None => call,
        };
        let run = async {
            // Calls that are open at the deadline are dropped and end as cancelled; the agent's own
            // span fails.
            link_to(paused, &agent);
            let result = in_time(self.deadline(), self.take_turns(&agent)).await;
            let result = result.map_err(|kind| self.fail(kind));
            if let Some(span) = agent.current_span() {
                span.set_attribute(keys::AGENT_TURNS, self.context.turn() - before);
                if let Err(error) = &result {
                    span.set_attribute(keys::AGENT_STOP_REASON, error.kind.as_str());
                    span.set_attribute(keys::GUARDRAIL_NAME, error.kind.guardrail());
                }
            }
            result
        };
        call.on_result(|result: &AgentResult, attributes: &mut Attributes| {
            if let AgentResult::Answer { output, finish_reason } = result {
                attributes.set_content(keys::OUTPUT, output);
                let cut = Some(finish_reason).filter(|reason| **reason != FinishReason::Stop);
                attributes.set(keys::AGENT_STOP_REASON, cut.map(FinishReason::as_str));
            }
        })
        .try_in_span(run)
        .await
    }

    /// Returns the time at which the run has to end, and how long it may take.
    fn deadline(&self) -> Option<(Instant, Duration)> {
        self.due.zip(self.runner.config.deadline)
    }

    /// Appends to the session what the tools of a run that failed did.
    pub(super) async fn save_progress(&mut self, error: &RunError) {
        if matches!(error.kind, RunErrorKind::Paused(_)) {
            return;
        }
        let is_late = self.due.is_some() || matches!(error.kind, RunErrorKind::Cancelled);
        self.history.save_progress(&error.progress.messages, is_late).await;
    }

    /// Takes one step after another until the agent's part of the run ends.
    async fn take_turns(&mut self, agent: &Agent) -> Result<AgentResult, RunErrorKind> {
        let context = self.context.clone();
        let (mut agent, mut sourced) = (agent.clone(), Vec::new());
        if !matches!(self.state.phase, Phase::Start { .. }) {
            self.prepare_request(&agent);
            if let Some(changed) = self.ask_sources(&agent, &mut sourced).await? {
                agent = changed;
            }
            // The tools of sources were unknown when the run was resumed.
            resume::check_calls(&agent, &self.state)?;
            self.update_tools(&agent);
        }
        let input = self.state.request.last_user_text().into_owned();
        let mut successor = None;
        // A run that is resumed takes at least one step.
        for steps in 0_u32.. {
            if matches!(self.state.phase, Phase::Turn) {
                self.check_stop()?;
            }
            if steps > 0 && self.is_to_pause() {
                break;
            }
            if matches!(self.state.phase, Phase::Turn)
                && let Some(changed) = self.ask_sources(&agent, &mut sourced).await?
            {
                agent = changed;
            }
            let agent = &agent;
            let caller = Caller { runner: self.runner, context: &context, agent };
            match caller.next(&self.state)? {
                Next::Start { first } => self.start(caller, first, &input).await?,
                Next::Turn { last } => self.begin_turn(caller, last).await?,
                Next::Ask => {
                    let response = self.ask(caller, &input).await?;
                    let rejected = caller.after_model(&response).await;
                    caller.answered(&mut self.state, response, rejected)?;
                }
                Next::Call(calls) => {
                    // A run inside that has paused without a pending call goes on with this one.
                    if self.call(caller, &calls).await? {
                        break;
                    }
                }
                Next::HandOver(index) => {
                    if let Some(agent) = self.hand_over(caller, index).await? {
                        successor = Some(agent);
                    }
                }
                Next::Pause => break,
                Next::Settle => {
                    let messages = &mut self.state.request.messages;
                    // Results come in the order in which they are there.
                    answer_open_calls(messages, "");
                    // Whatever ends the run from here on, the session has what the tools did.
                    self.history.save(messages).await?;
                    caller.settled(&mut self.state);
                }
                Next::TakeOver { tool } => {
                    let mut handoffs = agent.handoffs().iter();
                    let Some(handoff) = handoffs.find(|handoff| handoff.spec().name == tool) else {
                        let agent = agent.name().to_owned();
                        return Err(ResumeError::UnknownTool { agent, tool }.into());
                    };
                    let next = successor.unwrap_or_else(|| handoff.target());
                    if let Some(filter) = handoff.filter() {
                        self.history.filter(&mut self.state.request.messages, filter);
                    }
                    self.state.taken_over(next.name());
                    return Ok(AgentResult::HandedOver(next));
                }
                Next::Mismatch { output, mismatch } => {
                    let action = caller.on_mismatch(&output, &mismatch).await;
                    if action == MismatchAction::Repair && !self.state.marks.repaired {
                        record_repair(agent, &mismatch);
                    }
                    caller.mismatched(&mut self.state, action)?;
                }
                Next::Check { output } => {
                    self.check_answer(caller, &output).await?;
                    self.state.checked();
                }
                Next::End { output, finish_reason } => {
                    return Ok(AgentResult::Answer { output, finish_reason });
                }
            }
        }
        Err(self.pause(&agent).await)
    }
}

/// Links an agent's span to the one that has paused, unless that is its parent.
fn link_to(paused: Option<SpanContext>, agent: &Agent) {
    let Some((span, paused)) = agent.current_span().zip(paused) else { return };
    if span.parent_id() != paused.span_id() {
        span.add_link(paused, |attributes| {
            attributes.set(keys::PAUSED, true);
        });
    }
}

fn record_repair(agent: &Agent, mismatch: &str) {
    if let Some(span) = agent.current_span() {
        span.add_event("output.repair", |attributes| {
            attributes.set_content(keys::OUTPUT_FAULT, mismatch);
        });
    }
}

/// Awaits a part of a run that has to end at a time.
async fn in_time<T>(
    deadline: Option<(Instant, Duration)>,
    work: impl Future<Output = Result<T, RunErrorKind>>,
) -> Result<T, RunErrorKind> {
    let Some((due, deadline)) = deadline else { return work.await };
    timeout_at(due, work).await.unwrap_or(Err(RunErrorKind::Deadline { deadline }))
}
