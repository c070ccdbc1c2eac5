//! Pauses of runs, their continuations and ends, and the traces of these.

use std::future;

use raaf_agents::{
    Agent, Approval, CancellationToken, FunctionTool, MemorySession, Message, RunConfig, Runner,
    Session as _,
};
use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use raaf_trace_core::trace;

use super::{call, common::Text, model, paused_and_approved, ran::Ran, refunding, stored};

#[tokio::test]
async fn a_run_pauses_and_goes_on_in_one_trace() {
    let ran = Ran::default();
    let support = || {
        let model = model(vec![call("1", "look_up", "order 7"), call("2", "refund", "order 7")]);
        Agent::builder("Support", model)
            .tool(ran.tool("look_up"))
            .tool(ran.tool("refund").with_approval(Approval::always()))
            .build()
    };
    let capture = Capture::deterministic();
    let error = capture.run_async(support().run("Refund it.")).await.unwrap_err();
    assert_eq!(error.to_string(), "agent `Support` (turn 1): paused: a call waits for an approval");
    assert_eq!(ran.take(), ["look_up order 7"]);

    let mut state = stored(error);
    let pending = state.pending();
    assert_eq!(pending.len(), 1);
    assert_eq!((&*pending[0].agent, &*pending[0].call.name), ("Support", "refund"));
    state.approve(&pending[0].key).unwrap();
    let result = capture.run_async(Runner::new().resume(&support(), state)).await.unwrap();
    assert_eq!(result.output, "look_up did order 7; refund did order 7");
    assert_eq!((result.turns, result.usage.requests), (2, 2));
    assert_eq!(ran.take(), ["refund order 7"]);

    let spans = capture.spans_async().await;
    assert_span_tree!(spans, {
        runner "Runner" [status = unset, "paused" = true] {
            agent "Support" [status = unset, "paused" = true, "agent.stop_reason" = "paused", "agent.turns" = 1] {
                llm "scripted"
                tool "look_up" [ok, !"tool.approval"]
                agent "Support" [ok, "resumed" = true, "agent.turns" = 1] {
                    tool "refund" [ok, "tool.approval" = "approved"]
                    llm "scripted"
                }
            }
        }
    });
    assert_coherent!(spans);
    let paused = spans.iter().find(|span| span.attributes().get("agent.stop_reason").is_some());
    let event = paused.unwrap().events().next().unwrap();
    assert_eq!(event.name(), "approval.requested");
    assert_eq!(event.attributes().get("tool.name"), Some("refund".into()));
}

#[tokio::test]
async fn a_run_can_be_paused_between_its_steps() {
    let ran = Ran::default();
    let agent = || {
        Agent::builder("Cleaner", model(vec![call("1", "note", "a")]))
            .tool(ran.tool("note"))
            .build()
    };
    let runner = Runner::new().with_config(RunConfig::new().pause_when(|_| true));
    let mut ended = runner.run(&agent(), "go").await;
    let mut pauses = 0;
    let result = loop {
        match ended {
            Ok(result) => break result,
            Err(error) => {
                pauses += 1;
                ended = runner.resume(&agent(), stored(error)).await;
            }
        }
    };
    // Before each turn, the call and the answer.
    assert_eq!((pauses, result.turns), (4, 2));
    assert_eq!((result.output, ran.take()), ("note did a".into(), vec!["note a".to_owned()]));
}

#[tokio::test]
async fn an_error_that_is_passed_on_is_no_failure_of_the_spans_around() {
    let agent = Agent::builder("Support", model(vec![call("1", "refund", "a")]))
        .tool(Ran::default().tool("refund").with_approval(Approval::always()))
        .build();
    let capture = Capture::deterministic();
    let work = async {
        let request = trace("request");
        request.try_in_span(async { agent.run("go").await.map_err(anyhow::Error::from) }).await
    };
    capture.run_async(work).await.unwrap_err();
    assert_span_tree!(capture.spans_async().await, {
        trace "request" [status = unset, "paused" = true, !"error.type"] {
            agent "Support" [status = unset] { llm * }
        }
    });
}

#[tokio::test]
async fn a_run_that_is_not_traced_goes_on_untraced() {
    let (ran, capture) = (Ran::default(), Capture::deterministic());
    let runner = Runner::new().with_config(RunConfig::new().tracing(false));
    let runs = async {
        let state = paused_and_approved(&runner, &refunding(&ran)).await;
        // By a runner that would trace it.
        Runner::new().resume(&refunding(&ran), state).await
    };
    assert!(capture.run_async(runs).await.is_ok());
    assert!(capture.spans_async().await.is_empty());
}

#[tokio::test]
async fn without_content_the_trace_has_no_arguments_of_calls_that_wait() {
    let (ran, capture) = (Ran::default(), Capture::deterministic());
    let runner = Runner::new().with_config(RunConfig::new().include_sensitive_data(false));
    let runs = async {
        let state = paused_and_approved(&runner, &refunding(&ran)).await;
        runner.resume(&refunding(&ran), state).await
    };
    assert!(capture.run_async(runs).await.is_ok());
    let spans = capture.spans_async().await;
    for span in &spans {
        let line = serde_json::to_string(span).unwrap();
        assert!(!line.contains("s3cret"), "{line}");
    }
    assert!(
        spans.iter().any(|span| span.events().any(|event| event.name() == "approval.requested"))
    );
}

#[tokio::test]
async fn a_resumed_run_that_is_cancelled_or_panics_leaves_a_valid_conversation() {
    for panics in [true, false] {
        let token = CancellationToken::new();
        let asked = token.clone();
        let slow = FunctionTool::infallible("refund", "Refunds.", move |_: Text| {
            assert!(!panics, "no paper");
            asked.cancel();
            future::pending::<()>()
        })
        .with_approval(Approval::always());
        let ran = Ran::default();
        let calls = vec![call("1", "note", "a"), call("2", "refund", "b")];
        let agent =
            Agent::builder("Support", model(calls)).tool(ran.tool("note")).tool(slow).build();
        let session = MemorySession::new();
        let config = RunConfig::new().session(session.clone()).cancellation(token);
        let runner = Runner::new().with_config(config);
        let state = paused_and_approved(&runner, &agent).await;
        let error = runner.resume(&agent, state).await.unwrap_err();
        assert_eq!(error.kind.as_str(), if panics { "tool" } else { "cancelled" });
        let results = error.progress.messages.iter().flat_map(Message::tool_results);
        let failed: Vec<_> = results.map(|result| result.is_error).collect();
        assert_eq!(failed, [false, true], "{error}");
        assert_eq!(session.load().await.unwrap().len(), 4);
    }
}
