//! Step machine of a run: decides which step follows, and does none itself.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{RunErrorKind, calls::Caller};
use crate::{
    agent::MismatchAction,
    conversation::{Message, Part, Role, ToolCall, answer_open_calls, mend_calls},
    model::{FinishReason, ModelResponse},
    state::{CallStatus, Called, Phase, RunState},
    tool::name::fingerprint,
};

/// Step that follows.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Begin the part of an agent: the first of the run, or one that took over.
    Start { first: bool },
    /// Begin a turn: the last one, if turns are used up.
    Turn { last: bool },
    /// Ask the model.
    Ask,
    /// Make these calls of the turn, side by side.
    Call(Vec<usize>),
    /// Make this hand-off.
    HandOver(usize),
    /// Wait for decisions.
    Pause,
    /// Store the turn, all calls of which have results.
    Settle,
    /// Go on with the agent of the hand-off with this tool.
    TakeOver { tool: String },
    /// Decide on an answer that does not match the output type.
    Mismatch { output: String, mismatch: String },
    /// Check the answer.
    Check { output: String },
    /// End with the answer.
    End { output: String, finish_reason: FinishReason },
}

impl Caller<'_> {
    /// Returns the step that follows, or the reason why there is none.
    pub(super) fn next(self, state: &RunState) -> Result<Next, RunErrorKind> {
        let max_turns = self.runner.max_turns;
        Ok(match &state.phase {
            Phase::Start { first } => Next::Start { first: *first },
            Phase::Turn if state.turns < max_turns => Next::Turn { last: false },
            Phase::Turn if state.marks.last_turn => {
                return Err(RunErrorKind::MaxTurns { max_turns });
            }
            Phase::Turn => Next::Turn { last: true },
            Phase::Asked => Next::Ask,
            Phase::Calls { calls, .. } => next_of_calls(calls),
            Phase::Handoff { tool } => Next::TakeOver { tool: tool.clone() },
            Phase::Mismatch { output, mismatch, .. } => {
                Next::Mismatch { output: output.clone(), mismatch: mismatch.clone() }
            }
            Phase::Answer { output, .. } => Next::Check { output: output.clone() },
            Phase::Ended { output, finish_reason } => {
                Next::End { output: output.clone(), finish_reason: finish_reason.clone() }
            }
        })
    }

    /// Records the response of the model, which hooks may have rejected with a message.
    pub(super) fn answered(
        self,
        state: &mut RunState,
        mut response: ModelResponse,
        rejected: Result<Option<String>, RunErrorKind>,
    ) -> Result<(), RunErrorKind> {
        state.marks.unchecked = false;
        let calls = mend_calls(&mut response.message);
        let ModelResponse { message, finish_reason, .. } = response;
        let output = message.text().into_owned();
        let refusal = message.refusal().map(str::to_owned);
        let messages = &mut state.request.messages;
        messages.push(message);
        if let Some(word) = rejected? {
            answer_open_calls(messages, &word);
            state.ask_again(word);
            return Ok(());
        }
        if let Some(refusal) = refusal {
            return Err(RunErrorKind::Refused { refusal });
        }
        match finish_reason {
            FinishReason::Refusal => return Err(RunErrorKind::Refused { refusal: output }),
            FinishReason::ContentFilter => return Err(RunErrorKind::ContentFiltered),
            _ => {}
        }
        let cut = finish_reason == FinishReason::Length;
        if calls.is_empty() {
            state.phase = self.of_answer(output, finish_reason, cut)?;
            return Ok(());
        }
        if state.marks.last_turn {
            return Err(RunErrorKind::MaxTurns { max_turns: self.runner.max_turns });
        }
        let calls: Vec<_> = calls.into_iter().map(|call| self.called(call, cut)).collect();
        let tools = calls.iter().filter(|called| !called.handoff).count();
        self.context.claim_tool_calls(tools as u64)?;
        state.phase = Phase::Calls { calls, cut };
        Ok(())
    }

    fn of_answer(
        self,
        output: String,
        finish_reason: FinishReason,
        cut: bool,
    ) -> Result<Phase, RunErrorKind> {
        if cut && output.is_empty() {
            return Err(RunErrorKind::CutOff);
        }
        let output = match self.agent.output().map(|wanted| wanted.check(&output)) {
            None => output,
            Some(Ok(json)) => json.into_owned(),
            Some(Err(_)) if cut => return Err(RunErrorKind::CutOff),
            Some(Err(mismatch)) => return Ok(Phase::Mismatch { output, mismatch, finish_reason }),
        };
        Ok(Phase::Answer { output, finish_reason })
    }

    /// Returns a call of the model with what has to come before it.
    fn called(self, call: ToolCall, cut: bool) -> Called {
        let decision = self.context.decision(self.agent.name(), &call.rule_name());
        if call.hosted_by.is_some() {
            // The provider has asked already.
            let status = decision.map_or(CallStatus::Waiting, CallStatus::from);
            return Called { call, handoff: false, parameters: None, status };
        }
        let handoff = self.handoff(&call);
        let is_cut = cut && !call.is_complete();
        // The model learns of arguments that are wrong without a person's help.
        let arguments = call.parse_arguments().ok().filter(|_| !is_cut).map(Json::Object);
        let parameters = arguments.and_then(|arguments| match handoff {
            Some(handoff) => {
                handoff.needs_approval(self.context, &arguments).then(|| &handoff.spec().parameters)
            }
            None => self
                .tool(&call.name)
                .filter(|tool| tool.needs_approval(self.context, &arguments))
                .map(|tool| &tool.spec().parameters),
        });
        let parameters = parameters.map(fingerprint_of);
        let status = match decision.filter(|_| parameters.is_some()) {
            Some(decision) => decision.into(),
            None if parameters.is_some() => CallStatus::Waiting,
            None => CallStatus::Ready,
        };
        Called { call, handoff: handoff.is_some(), parameters, status }
    }

    /// Records that all calls have results, and that these are stored.
    pub(super) fn settled(self, state: &mut RunState) {
        state.marks.called = true;
        let calls = state.calls();
        let handed_over = calls.iter().find(|called| called.status == CallStatus::HandedOver);
        let tool = handed_over.map(|called| called.call.name.clone());
        let messages = &state.request.messages;
        let turn = messages.iter().rposition(|message| message.role == Role::Assistant);
        let results = messages.get(turn.map_or(0, |turn| turn + 1)..).unwrap_or_default();
        let mut answers = calls.iter().filter_map(|called| self.answer_of(&called.call, results));
        state.phase = match (tool, answers.next()) {
            (Some(tool), _) => Phase::Handoff { tool },
            (None, Some(output)) => Phase::Answer { output, finish_reason: FinishReason::Stop },
            (None, None) => Phase::Turn,
        };
    }

    /// Records the decision on an answer that does not match the output type.
    pub(super) fn mismatched(
        self,
        state: &mut RunState,
        action: MismatchAction,
    ) -> Result<(), RunErrorKind> {
        let Phase::Mismatch { mismatch, finish_reason, .. } = &state.phase else { return Ok(()) };
        let (mismatch, finish_reason) = (mismatch.clone(), finish_reason.clone());
        match action {
            // After the last turn, the model cannot answer again.
            MismatchAction::Repair if !state.marks.repaired && !state.marks.last_turn => {
                state.marks.repaired = true;
                state.ask_again(format!(
                    "Your answer does not match the required JSON Schema: {mismatch}. Answer again \
                     with only the corrected JSON."
                ));
            }
            MismatchAction::Retry(word) => state.ask_again(word),
            MismatchAction::Answer(answer) => {
                let wanted = self.agent.output();
                let fits =
                    wanted.map_or(Ok(answer.as_str().into()), |wanted| wanted.check(&answer));
                let fits = fits.map_err(|mismatch| RunErrorKind::Output { mismatch })?;
                state.replace_answer(&fits);
                state.phase = Phase::Answer { output: fits.into_owned(), finish_reason };
            }
            MismatchAction::Repair | MismatchAction::Fail => {
                return Err(RunErrorKind::Output { mismatch });
            }
        }
        Ok(())
    }
}

/// Returns the hash of a JSON Schema, whatever the order of its keys.
pub(super) fn fingerprint_of(parameters: &Json) -> u32 {
    fn sorted(json: &Json) -> String {
        match json {
            Json::Object(fields) => {
                let fields = fields.iter().map(|(key, value)| (key, sorted(value)));
                format!("{:?}", fields.collect::<BTreeMap<_, _>>())
            }
            Json::Array(items) => format!("{:?}", items.iter().map(sorted).collect::<Vec<_>>()),
            other => other.to_string(),
        }
    }
    fingerprint(&sorted(parameters))
}

fn next_of_calls(calls: &[Called]) -> Next {
    let open = |called: &Called| !called.is_done() && !called.is_blocked();
    let tools = calls.iter().enumerate().filter(|(_, called)| !called.handoff && open(called));
    let tools: Vec<_> = tools.map(|(index, _)| index).collect();
    if !tools.is_empty() {
        return Next::Call(tools);
    }
    if calls.iter().any(Called::is_blocked) {
        return Next::Pause;
    }
    match calls.iter().position(open) {
        Some(handoff) => Next::HandOver(handoff),
        None => Next::Settle,
    }
}

/// Records of what has happened.
impl RunState {
    pub(super) fn started(&mut self, first: bool) {
        self.marks.unchecked = first;
        self.phase = Phase::Turn;
    }

    pub(super) fn turn_begun(&mut self) {
        self.turns = self.turns.saturating_add(1);
        self.phase = Phase::Asked;
    }

    pub(super) fn returned(&mut self, index: usize, message: Message) {
        self.request.messages.push(message);
        self.set_status(index, CallStatus::Done);
    }

    /// Records a hand-off, whose result is in the conversation.
    pub(super) fn handed_over(&mut self, index: usize) {
        self.set_status(index, CallStatus::HandedOver);
    }

    /// Records the pause of a call, which goes on with these arguments.
    pub(super) fn inner_paused(&mut self, index: usize, arguments: String, inner: Box<RunState>) {
        if let Some(called) = self.calls_mut().get_mut(index) {
            called.call.arguments = arguments;
        }
        self.set_status(index, CallStatus::Paused(inner));
    }

    pub(super) fn taken_over(&mut self, agent: &str) {
        agent.clone_into(&mut self.agent);
        (self.marks.repaired, self.marks.called) = (false, false);
        self.phase = Phase::Start { first: false };
    }

    pub(super) fn checked(&mut self) {
        if let Phase::Answer { output, finish_reason } = &mut self.phase {
            let (output, finish_reason) = (std::mem::take(output), finish_reason.clone());
            self.phase = Phase::Ended { output, finish_reason };
        }
    }

    fn set_status(&mut self, index: usize, status: CallStatus) {
        if let Some(called) = self.calls_mut().get_mut(index) {
            called.status = status;
        }
    }

    fn ask_again(&mut self, word: String) {
        self.request.messages.push(Message::user(word));
        self.phase = Phase::Turn;
    }

    /// Replaces the text of the model's answer, with which the conversation ends.
    fn replace_answer(&mut self, answer: &str) {
        if let Some(message) = self.request.messages.last_mut() {
            message.parts.retain(|part| !matches!(part, Part::Text(_)));
            message.parts.push(Part::text(answer));
        }
    }
}

#[cfg(test)]
mod tests;
