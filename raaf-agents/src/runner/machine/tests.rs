//! The steps of a run, without any of them being done.

use serde_json::json;

use super::*;
use crate::{
    agent::{Agent, Handoff},
    model::ScriptedModel,
    run::{Limits, RunContext},
    runner::Runner,
    tool::{Approval, FunctionTool},
};

fn tool(name: &'static str, approval: Approval) -> FunctionTool {
    FunctionTool::infallible(name, "Does it.", |(): ()| async { "done" }).with_approval(approval)
}

fn agent() -> Agent {
    let other = Agent::builder("Other", ScriptedModel::new("scripted", ["."])).build();
    Agent::builder("Main", ScriptedModel::new("scripted", ["."]))
        .tool(tool("free", Approval::never()))
        .tool(tool("asks", Approval::always()))
        .tool(tool("last", Approval::never()).with_final_result())
        .handoff(Handoff::to(&other))
        .build()
}

fn call(name: &str) -> ToolCall {
    ToolCall::new(format!("id of {name}"), name, &json!({}))
}

/// A run that is driven by what a test says has happened.
struct Driven {
    runner: Runner,
    context: RunContext,
    agent: Agent,
    state: RunState,
}

impl Driven {
    fn new(runner: Runner, limits: Limits) -> Self {
        let agent = agent();
        let state = RunState::new(agent.name(), vec![Message::user("go")]);
        let context = RunContext::of_run(None, None, None, None, limits, None, &state);
        Self { runner, context, agent, state }
    }

    fn caller(&self) -> Caller<'_> {
        Caller { runner: &self.runner, context: &self.context, agent: &self.agent }
    }

    fn next(&self) -> Result<Next, RunErrorKind> {
        // Each state survives JSON.
        let json = serde_json::to_string(&self.state).unwrap();
        let read: RunState = serde_json::from_str(&json).unwrap();
        assert_eq!(read, self.state, "{json}");
        self.caller().next(&read)
    }

    #[track_caller]
    fn expect(&self, expected: &Next) {
        assert_eq!(&self.next().unwrap(), expected);
    }

    fn say(&mut self, message: Message) -> Result<(), RunErrorKind> {
        let Self { runner, context, agent, state } = self;
        Caller { runner, context, agent }.answered(state, ModelResponse::new(message), Ok(None))
    }

    /// Drives the run to its first question to the model.
    fn asked(mut self) -> Self {
        self.expect(&Next::Start { first: true });
        self.state.started(true);
        self.begin_turn(false);
        self
    }

    #[track_caller]
    fn begin_turn(&mut self, last: bool) {
        self.expect(&Next::Turn { last });
        self.state.turn_begun();
        self.expect(&Next::Ask);
    }

    fn settle(&mut self) {
        self.expect(&Next::Settle);
        let Self { runner, context, agent, state } = self;
        Caller { runner, context, agent }.settled(state);
    }

    fn result(&mut self, index: usize) {
        let message = Message::tool(&self.state.calls()[index].call, "done");
        self.state.returned(index, message);
    }
}

fn driven() -> Driven {
    Driven::new(Runner::new(), Limits::new()).asked()
}

#[test]
fn an_answer_is_checked_and_ends_the_run() {
    let mut run = driven();
    run.say(Message::assistant("hello")).unwrap();
    run.expect(&Next::Check { output: "hello".to_owned() });
    run.state.checked();
    let finish_reason = FinishReason::Stop;
    run.expect(&Next::End { output: "hello".to_owned(), finish_reason });
}

#[test]
fn calls_that_wait_hold_up_the_turn_and_not_the_others() {
    let mut run = driven();
    run.say(Message::calls([call("asks"), call("free"), call("transfer_to_other")])).unwrap();
    run.expect(&Next::Call(vec![1]));
    run.result(1);
    run.expect(&Next::Pause);
    let key = run.state.pending()[0].key.clone();
    run.state.approve(&key).unwrap();
    run.expect(&Next::Call(vec![0]));
    run.result(0);
    run.expect(&Next::HandOver(2));
    run.result(2);
    run.state.handed_over(2);
    run.settle();
    run.expect(&Next::TakeOver { tool: "transfer_to_other".to_owned() });
    run.state.taken_over("Other");
    run.expect(&Next::Start { first: false });
    assert_eq!(run.state.agent(), "Other");
}

#[test]
fn a_call_of_no_tool_and_one_with_wrong_arguments_wait_for_nobody() {
    let mut run = driven();
    let broken = ToolCall::from_text("1", "asks", "{");
    run.say(Message::calls([call("nothing"), broken])).unwrap();
    run.expect(&Next::Call(vec![0, 1]));
}

#[test]
fn the_result_of_a_final_tool_is_the_answer() {
    let mut run = driven();
    run.say(Message::calls([call("last")])).unwrap();
    run.result(0);
    run.settle();
    run.expect(&Next::Check { output: "done".to_owned() });
}

#[test]
fn turns_end_with_an_error_or_with_one_in_which_no_tool_is_called() {
    let mut run = Driven::new(Runner::new().with_max_turns(1), Limits::new()).asked();
    run.say(Message::calls([call("free")])).unwrap();
    run.result(0);
    run.settle();
    run.expect(&Next::Turn { last: true });
    run.state.marks.last_turn = true;
    run.state.turn_begun();
    let error = run.say(Message::calls([call("free")])).unwrap_err();
    assert!(matches!(error, RunErrorKind::MaxTurns { max_turns: 1 }));
    run.state.phase = Phase::Turn;
    assert!(matches!(run.next().unwrap_err(), RunErrorKind::MaxTurns { max_turns: 1 }));
}

#[test]
fn more_calls_than_the_limit_allows_are_not_made() {
    let mut run = Driven::new(Runner::new(), Limits::new().tool_calls(1)).asked();
    let error = run.say(Message::calls([call("free"), call("free")])).unwrap_err();
    assert!(matches!(error, RunErrorKind::Limit { what: "tool calls", max: 1, used: 2 }));
}

#[test]
fn a_response_that_a_hook_rejects_is_asked_for_again() {
    let mut run = driven();
    let Driven { runner, context, agent, state } = &mut run;
    let response = ModelResponse::new(Message::calls([call("free")]));
    let rejected = Ok(Some("do not call".to_owned()));
    Caller { runner, context, agent }.answered(state, response, rejected).unwrap();
    run.begin_turn(false);
    let roles: Vec<_> = run.state.messages().iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool, Role::User]);
}
