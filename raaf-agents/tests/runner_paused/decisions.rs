//! Decisions on calls, one by one or for the rest of a run.

use raaf_agents::{
    Agent, Approval, Handoff, Message, OnToolError, Reply, Role, RunConfig, Runner, ScriptedModel,
};
use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use serde_json::json;

use super::{Saying, call, key_of, model, ran::Ran, stored};

#[tokio::test]
async fn decisions_are_taken_one_by_one() {
    let ran = Ran::default();
    let calls = ["a", "b", "c"].map(|it| call(it, "delete", it));
    let agent = Agent::builder("Cleaner", model(calls.to_vec()))
        .tool(ran.tool("delete").with_approval(Approval::always()))
        .build();
    let runner = Runner::new();
    let mut state = stored(runner.run(&agent, "Clean up.").await.unwrap_err());
    assert_eq!((state.pending().len(), state.turns(), ran.take().len()), (3, 1, 0));
    state.approve(&key_of(&state, "b")).unwrap();

    let mut state = stored(runner.resume(&agent, state).await.unwrap_err());
    assert_eq!((state.pending().len(), ran.take()), (2, vec!["delete b".to_owned()]));
    state.reject(&key_of(&state, "c"), "it is still needed").unwrap();
    let mut state = stored(runner.resume(&agent, state).await.unwrap_err());
    state.approve(&key_of(&state, "a")).unwrap();

    let result = runner.resume(&agent, state).await.unwrap();
    let c = "`delete` was rejected: it is still needed";
    assert_eq!(result.output, format!("delete did a; delete did b; {c}"));
    assert_eq!(ran.take(), ["delete a"]);
    let results = result.messages.iter().flat_map(Message::tool_results);
    assert_eq!(results.filter(|result| result.is_error).count(), 1);
}

#[tokio::test]
async fn a_rejection_is_in_the_trace_and_fails_nothing() {
    let ran = Ran::default();
    let agent = Agent::builder("Cleaner", model(vec![call("1", "delete", "all")]))
        .tool(ran.tool("delete").with_approval(Approval::always()))
        .build();
    // Not even where failed calls fail the run.
    let runner = Runner::new().on_tool_error(OnToolError::FailRun);
    let capture = Capture::deterministic();
    let mut state = stored(capture.run_async(runner.run(&agent, "go")).await.unwrap_err());
    let key = state.pending()[0].key.clone();
    state.reject(&key, "never").unwrap();
    let result = capture.run_async(runner.resume(&agent, state)).await.unwrap();
    assert_eq!(result.output, "`delete` was rejected: never");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Cleaner" {
                llm *
                agent "Cleaner" {
                    tool "delete" [error "ToolError::Rejected", "tool.approval" = "rejected"]
                    llm *
                }
            }
        }
    });
}

#[tokio::test]
async fn an_approval_can_depend_on_arguments_and_context() {
    let ran = Ran::default();
    let calls = vec![call("1", "pay", "5"), call("2", "pay", "500"), call("3", "pay", "7")];
    let large = Approval::when(|context, arguments| {
        let limit = context.value::<usize>().copied().unwrap_or_default();
        arguments["text"].as_str().is_some_and(|text| text.len() > limit)
    });
    let agent =
        Agent::builder("Payer", model(calls)).tool(ran.tool("pay").with_approval(large)).build();
    let runner = |limit: usize| Runner::new().with_config(RunConfig::new().context(limit));
    let mut state = stored(runner(1).run(&agent, "pay").await.unwrap_err());
    assert_eq!(ran.take(), ["pay 5", "pay 7"]);
    let key = key_of(&state, "500");
    state.approve(&key).unwrap();
    assert!(runner(1).resume(&agent, state).await.is_ok());
    assert_eq!(ran.take(), ["pay 500"]);
    assert!(runner(9).run(&agent, "pay").await.is_ok());
}

#[tokio::test]
async fn a_decision_can_hold_for_the_rest_of_the_run() {
    let ran = Ran::default();
    // Each turn has the same ids, as with servers that count from 0.
    let model = Saying(|messages: &[Message]| {
        match messages.iter().filter(|message| message.role == Role::Assistant).count() {
            0 => Message::calls([call("0", "delete", "a"), call("1", "delete", "b")]),
            1 => Message::calls([call("0", "delete", "c"), call("1", "move", "d")]),
            _ => Message::assistant("done"),
        }
    });
    let agent = Agent::builder("Cleaner", model)
        .tool(ran.tool("delete").with_approval(Approval::always()))
        .tool(ran.tool("move").with_approval(Approval::always()))
        .build();
    let runner = Runner::new();
    let mut state = stored(runner.run(&agent, "go").await.unwrap_err());
    let first = state.pending();
    state.approve_always(&first[0].key).unwrap();
    assert!(state.pending().is_empty());
    let mut state = stored(runner.resume(&agent, state).await.unwrap_err());
    assert_eq!(ran.take(), ["delete a", "delete b", "delete c"]);

    // The keys of the turn before are no keys of this one.
    let error = state.approve(&first[1].key).unwrap_err();
    let pending = &state.pending()[0].key;
    let expected = format!("no pending call has the key `{}`; pending: {pending}", first[1].key);
    assert_eq!(error.to_string(), expected);
    state.reject_always(&pending.clone(), "no").unwrap();
    assert_eq!(runner.resume(&agent, state).await.unwrap().output, "done");
    assert!(ran.take().is_empty());
}

#[tokio::test]
async fn a_hand_off_waits_for_an_approval() {
    let billing = Agent::builder("Billing", ScriptedModel::new("scripted", ["refunded"])).build();
    let triage = || {
        let model = ScriptedModel::new(
            "scripted",
            [Reply::call("transfer_to_billing", json!({})), Reply::text("Then not.")],
        );
        let handoff = Handoff::to(&billing).approval(Approval::always());
        Agent::builder("Triage", model).handoff(handoff).build()
    };
    for (approves, output) in [(true, "refunded"), (false, "Then not.")] {
        let (agent, capture) = (triage(), Capture::deterministic());
        let run = capture.run_async(agent.run("My money!"));
        let mut state = stored(run.await.unwrap_err());
        let key = state.pending()[0].key.clone();
        if approves { state.approve(&key) } else { state.reject(&key, "no refunds") }.unwrap();
        let result = capture.run_async(Runner::new().resume(&agent, state)).await.unwrap();
        assert_eq!(result.output, output);
        let spans = capture.spans_async().await;
        assert_coherent!(spans);
        if approves {
            assert_span_tree!(spans, {
                runner "Runner" {
                    agent "Triage" ["paused" = true] {
                        llm *
                        agent "Triage" ["resumed" = true] {
                            handoff "Billing" ["tool.approval" = "approved"]
                        }
                        agent "Billing" ["resumed" = true] { llm * }
                    }
                }
            });
        } else {
            assert_eq!(result.messages[2].text(), "`transfer_to_billing` was rejected: no refunds");
        }
    }
}
