//! Steps of a run: each does what the step machine has decided on.

use futures::{FutureExt as _, StreamExt as _, TryFutureExt as _, future, stream};
use raaf_trace_core::{Context, Traceable as _, keys};
use tokio_util::sync::CancellationToken;

use super::Run;
use crate::{
    agent::{Agent, Handoff, LastTurnAction},
    conversation::Message,
    errors::with_causes,
    guardrail::{Checked, GuardrailStage},
    model::{ModelRequest, ModelResponse, ToolChoice},
    run::RunEvent,
    runner::{
        RunErrorKind, Runner,
        acting::Asking,
        calls::{CallEnd, Caller},
    },
    state::{CallStatus, Phase, RunState},
    tool::ToolError,
};

impl Run<'_> {
    /// Returns whether the run is to pause before the next step.
    pub(super) fn is_to_pause(&self) -> bool {
        let is_between = match &self.state.phase {
            Phase::Turn | Phase::Answer { .. } => true,
            Phase::Calls { calls, .. } => calls.iter().any(|called| !called.is_done()),
            _ => false,
        };
        let pause = self.runner.config.pause.as_ref().filter(|_| is_between);
        pause.is_some_and(|pause| pause(&self.context))
    }

    /// Ends this part of the run with a state from which it goes on.
    pub(super) async fn pause(&mut self, agent: &Agent) -> RunErrorKind {
        let saved = self.history.save_paused(&self.state.request.messages).await;
        if let Err(kind) = saved {
            return kind;
        }
        let empty = RunState::new(agent.name(), Vec::new());
        let mut state = std::mem::replace(&mut self.state, empty);
        // The rest is that of the agent, and may be secret.
        state.request = ModelRequest::new(std::mem::take(&mut state.request.messages));
        state.stored = self.history.take_stored();
        state.spent = self.context.spent_so_far();
        state.trace.clear();
        Context::current().inject(&mut state.trace);
        if let Some(span) = agent.current_span() {
            for called in state.calls().iter().filter(|it| it.status == CallStatus::Waiting) {
                span.add_event("approval.requested", |attributes| {
                    attributes
                        .set(keys::TOOL_NAME, &called.call.name)
                        .set(keys::TOOL_CALL_ID, &called.call.id)
                        .set_content(keys::TOOL_ARGUMENTS, &called.call.arguments);
                });
            }
        }
        RunErrorKind::Paused(Box::new(state))
    }

    /// Begins the agent's part of the run.
    pub(super) async fn start(
        &mut self,
        caller: Caller<'_>,
        first: bool,
        input: &str,
    ) -> Result<(), RunErrorKind> {
        let Caller { context, agent, .. } = caller;
        context.emit(|| RunEvent::AgentChanged { agent: agent.name().to_owned() });
        for hooks in caller.hooks() {
            hooks.agent_started(context, agent).await;
        }
        self.prepare_request(agent);
        let before = caller.input_guardrails().filter(|guardrail| guardrail.is_before_model());
        let before: Vec<_> = before.filter(|_| first).collect();
        caller.guard(before, self.checked(GuardrailStage::Input, input)).await?;
        self.state.started(first);
        Ok(())
    }

    /// Makes calls side by side. Each result is in the conversation as soon as it is there, so that a run
    /// that ends before has it. Returns whether a run inside of one has paused.
    pub(super) async fn call(
        &mut self,
        caller: Caller<'_>,
        calls: &[usize],
    ) -> Result<bool, RunErrorKind> {
        let Phase::Calls { calls: all, cut } = &self.state.phase else { return Ok(false) };
        let work = calls.iter().filter_map(|&index| {
            let work = caller.call_once(all.get(index)?.clone(), *cut);
            // Boxed, because it is large and moves several times.
            Some(work.map(move |end| (index, end)).boxed())
        });
        let mut work: Vec<_> = work.collect();
        let only = if work.len() == 1 { work.pop() } else { None };
        let mut ends = match only {
            Some(work) => work.into_stream().left_stream(),
            None => {
                stream::iter(work).buffer_unordered(self.runner.max_parallel_tools).right_stream()
            }
        };
        let mut has_paused = false;
        while let Some((index, end)) = ends.next().await {
            match end {
                Ok(CallEnd::Answered(message)) => self.state.returned(index, message),
                Ok(CallEnd::Paused { arguments, inner }) => {
                    self.state.inner_paused(index, arguments, inner);
                    has_paused = true;
                }
                Err(kind) => return Err(self.failed_call(index, kind)),
            }
        }
        Ok(has_paused)
    }

    /// Makes a hand-off. Returns the agent that takes over.
    pub(super) async fn hand_over(
        &mut self,
        by: Caller<'_>,
        index: usize,
    ) -> Result<Option<Agent>, RunErrorKind> {
        let Phase::Calls { calls, cut } = &self.state.phase else { return Ok(None) };
        let Some(called) = calls.get(index) else { return Ok(None) };
        let is_second = calls.iter().any(|other| other.status == CallStatus::HandedOver);
        let call = called.call.clone();
        let agent = match by.handoff(&call) {
            Some(handoff) => by.hand_over(called, handoff, *cut, is_second).await?,
            // A condition on it does not hold any more.
            None => Err(ToolError::Unknown { tool: call.name.clone(), available: Vec::new() }),
        };
        match agent {
            Ok(agent) => {
                let message = Message::tool(&call, format!("{} takes over.", agent.name()));
                self.state.returned(index, message);
                self.state.handed_over(index);
                Ok(Some(agent))
            }
            Err(error) => match by.report(&call, error) {
                Ok(result) => {
                    self.state.returned(index, result.into());
                    Ok(None)
                }
                Err(kind) => Err(self.failed_call(index, kind)),
            },
        }
    }

    /// Adds the result of a call whose failure fails the run.
    fn failed_call(&mut self, index: usize, kind: RunErrorKind) -> RunErrorKind {
        if let (RunErrorKind::Tool(error), Some(called)) = (&kind, self.state.calls().get(index)) {
            let message = Message::tool_error(&called.call, with_causes(error));
            self.state.returned(index, message);
        }
        kind
    }

    /// Checks the answer of the agent's part of the run.
    pub(super) async fn check_answer(
        &self,
        caller: Caller<'_>,
        output: &str,
    ) -> Result<(), RunErrorKind> {
        let Caller { runner, context, agent } = caller;
        let guardrails = runner.config.output_guardrails.iter().chain(agent.output_guardrails());
        caller.guard(guardrails, self.checked(GuardrailStage::Output, output)).await?;
        for hooks in caller.hooks() {
            hooks.agent_answered(context, agent, output).await;
        }
        Ok(())
    }

    fn checked<'b>(&'b self, stage: GuardrailStage, text: &'b str) -> Checked<'b> {
        Checked { stage, text, messages: &self.state.request.messages }
    }

    /// Sets the parts of the request that stay the same in all turns of an agent.
    pub(super) fn prepare_request(&mut self, agent: &Agent) {
        let request = &mut self.state.request;
        request.instructions = agent.prompt().map(|prompt| prompt.text(&self.context).into_owned());
        request.settings = agent.settings().clone();
        request.output_schema = agent.output().map(|output| output.schema().clone());
        request.hosted_tools = agent.hosted_tools().to_vec();
        request.tools.clear();
    }

    /// Offers the tools and hand-offs that are enabled in this turn.
    pub(super) fn update_tools(&mut self, agent: &Agent) {
        let (context, marks) = (&self.context, self.state.marks);
        let request = &mut self.state.request;
        let handoffs = agent.handoffs().iter().filter(|handoff| handoff.is_enabled(context));
        let tools = agent.tools().iter().filter(|tool| tool.is_enabled(context));
        // Servers refuse duplicate names. A call of such a name hands over.
        let is_handoff = |name: &str| handoffs.clone().any(|handoff| handoff.spec().name == name);
        let tools = tools.map(|tool| tool.spec()).filter(|spec| !is_handoff(&spec.name));
        let specs: Vec<_> = tools.chain(handoffs.clone().map(Handoff::spec)).collect();
        let offered = request.tools.iter().map(|tool| &tool.name);
        // Schemas are long, and rarely change between turns.
        if !offered.eq(specs.iter().map(|spec| &spec.name)) {
            request.tools = specs.into_iter().cloned().collect();
        }
        let choice = &mut request.settings.tool_choice;
        if marks.last_turn {
            *choice = Some(ToolChoice::None);
        } else if marks.called && matches!(choice, Some(ToolChoice::Required | ToolChoice::Tool(_)))
        {
            // A model that must call a tool in every turn never answers.
            *choice = None;
        }
    }

    pub(super) fn check_stop(&self) -> Result<(), RunErrorKind> {
        let config = &self.runner.config;
        let stopped = |reason: &str| Err(RunErrorKind::Stopped { reason: reason.to_owned() });
        if config.stop.as_ref().is_some_and(|stop| stop(&self.context)) {
            return stopped("the stop condition holds");
        }
        if config.stop_after_turn.as_ref().is_some_and(CancellationToken::is_cancelled) {
            return stopped("asked to stop after the turn");
        }
        Ok(())
    }

    /// Begins a turn, if the run may take one.
    pub(super) async fn begin_turn(
        &mut self,
        caller: Caller<'_>,
        last: bool,
    ) -> Result<(), RunErrorKind> {
        if last {
            let Runner { max_turns, answers_at_max_turns, .. } = self.runner;
            match caller.on_last_turn().await {
                LastTurnAction::Fail if !answers_at_max_turns => {
                    return Err(RunErrorKind::MaxTurns { max_turns: *max_turns });
                }
                LastTurnAction::Fail | LastTurnAction::Answer => {}
                LastTurnAction::Ask(word) => {
                    self.state.request.messages.push(Message::user(word));
                }
            }
            self.state.marks.last_turn = true;
        }
        self.update_tools(caller.agent);
        self.context.claim_request()?;
        self.state.turn_begun();
        self.context.set_turn(self.state.turns);
        let key = self.context.journal().map(|_| self.context.model_step());
        self.state.request.idempotency_key = key;
        Ok(())
    }

    /// Calls the model while guardrails run.
    pub(super) async fn ask(
        &self,
        caller: Caller<'_>,
        input: &str,
    ) -> Result<ModelResponse, RunErrorKind> {
        let guardrails = caller
            .input_guardrails()
            .filter(|guardrail| self.state.marks.unchecked && !guardrail.is_before_model());
        let guardrails: Vec<_> = guardrails.collect();
        let guard = caller.guard(guardrails, self.checked(GuardrailStage::Input, input));
        let asking = caller.before_model(&self.state.request).await;
        if !matches!(asking, Ok(Asking::Unchanged | Asking::Changed(_))) {
            caller.context.release_request();
        }
        let asking = asking?;
        let request = match &asking {
            Asking::Changed(request) => request,
            _ => &self.state.request,
        };
        let Caller { context, agent, .. } = caller;
        let work = async {
            for hooks in caller.hooks() {
                hooks.model_asked(context, agent, request).await;
            }
            let response = if let Asking::Answered(response) = &asking {
                guard.await.map(|()| (**response).clone())
            } else {
                let call = caller.call_model(request, &self.partial).map_err(RunErrorKind::Model);
                future::try_join(guard, call).await.map(|((), response)| response)
            }?;
            for hooks in caller.hooks() {
                hooks.model_answered(context, agent, &response).await;
            }
            Ok(response)
        };
        if matches!(asking, Asking::Answered(_)) {
            return work.await;
        }
        caller.ask_once(work).await
    }
}
