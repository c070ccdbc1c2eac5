//! Runs that pause inside the calls of tools.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use raaf_agents::{
    Agent, Approval, FunctionTool, RunContext, RunHooks, Runner, Tool as _, ToolAction, ToolCall,
    ToolError,
};
use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use raaf_trace_core::FinishedSpan;
use serde_json::json;

use super::{approve_first, call, common::Text, model, nested, ran::Ran, stored, text};

#[tokio::test]
async fn calls_of_agents_that_are_tools_surface_at_the_top_and_go_on_there() {
    let (ran, capture) = (Ran::default(), Capture::deterministic());
    let run = async { nested(&ran).run("go").await };
    let mut state = stored(capture.run_async(run).await.unwrap_err());
    let mut done = ran.take();
    done.sort();
    assert_eq!(done, ["look x", "note y"]);
    let pending = state.pending();
    let shown: Vec<_> = pending
        .iter()
        .map(|it| format!("{} {} {}", it.within.join("/"), it.agent, it.call.arguments))
        .collect();
    assert_eq!(shown, [r#"ask/work Worker {"text":"x"}"#, r#" Top {"text":"z"}"#]);
    state.approve(&pending[0].key).unwrap();

    let resume = async { Runner::new().resume(&nested(&ran), state).await };
    let mut state = stored(capture.run_async(resume).await.unwrap_err());
    assert_eq!(ran.take(), ["write x"]);
    state.approve(&pending[1].key).unwrap();
    let resume = async { Runner::new().resume(&nested(&ran), state).await };
    let result = capture.run_async(resume).await.unwrap();
    assert_eq!(ran.take(), ["write z"]);
    assert_eq!(result.output, "look did x; write did x; note did y; write did z");
    // Two model calls of each agent.
    assert_eq!(result.usage.requests, 6);
    let spans = capture.spans_async().await;
    assert_coherent!(spans);
    assert_span_tree!(spans, {
        runner "Runner" {
            agent "Top" ["paused" = true] {
                llm *
                in_any_order {
                    tool "ask" [status = unset, "paused" = true] {
                        agent "Middle" [status = unset, "paused" = true] {
                            llm *
                            tool "work" [status = unset] {
                                agent "Worker" [status = unset] { llm * tool "look" }
                            }
                        }
                    }
                    tool "note"
                }
                agent "Top" ["resumed" = true, "paused" = true] {
                    tool "ask" [ok] {
                        agent "Middle" [ok, "resumed" = true] {
                            tool "work" [ok] {
                                agent "Worker" [ok, "resumed" = true] { tool "write" llm * }
                            }
                            llm *
                        }
                    }
                    agent "Top" [ok, "resumed" = true] { tool "write" llm * }
                }
            }
        }
    });
    // The inner runs go on elsewhere in the tree, and say from where.
    let linked = spans.iter().filter(|span| span.links().next().is_some());
    let linked: Vec<_> = linked.map(|span| span.component_name().to_owned()).collect();
    assert_eq!(linked.len(), 2, "{linked:?}");
}

#[tokio::test]
async fn a_tool_that_passes_its_context_on_pauses_too() {
    let ran = Ran::default();
    let inner = Agent::builder("Inner", model(vec![call("0", "write", "x")]))
        .tool(ran.tool("write").with_approval(Approval::always()))
        .build()
        .as_tool("inner", "Works.");
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let outer = FunctionTool::with_context("outer", "Works.", move |context, _: Text| {
        count.fetch_add(1, Ordering::Relaxed);
        let (inner, context) = (inner.clone(), context.clone());
        async move { inner.call_in(&context, json!({"input": "go"})).await }
    });
    let agent = Agent::builder("Top", model(vec![call("0", "outer", "x")])).tool(outer).build();
    let capture = Capture::deterministic();
    let mut state = stored(capture.run_async(agent.run("go")).await.unwrap_err());
    approve_first(&mut state);
    let result = capture.run_async(Runner::new().resume(&agent, state)).await.unwrap();
    assert_eq!((result.output, ran.take()), ("write did x".into(), vec!["write x".to_owned()]));
    // The function runs again, up to where it has paused.
    assert_eq!(begun.load(Ordering::Relaxed), 2);
    let failed = |span: &FinishedSpan| span.attributes().get("error.type").is_some();
    assert!(!capture.spans_async().await.iter().any(failed));
}

/// Hooks that replace the arguments of the tool `outer`.
struct Replacing;

#[async_trait]
impl RunHooks for Replacing {
    async fn before_tool(&self, _: &RunContext, _: &Agent, call: &ToolCall) -> ToolAction {
        match &*call.name {
            "outer" => ToolAction::Replace(text("replaced")),
            _ => ToolAction::Proceed,
        }
    }
}

#[tokio::test]
async fn arguments_that_hooks_replaced_stay_over_a_pause() {
    let ran = Ran::default();
    let inner = Agent::builder("Inner", model(vec![call("0", "write", "x")]))
        .tool(ran.tool("write").with_approval(Approval::always()))
        .build()
        .as_tool("inner", "Works.");
    let seen = Ran::default();
    let saw = seen.clone();
    let outer = FunctionTool::with_context("outer", "Works.", move |context, args: Text| {
        saw.add(args.text);
        let (inner, context) = (inner.clone(), context.clone());
        async move { inner.call_in(&context, json!({"input": "go"})).await }
    });
    let agent = Agent::builder("Top", model(vec![call("0", "outer", "original")]))
        .tool(outer)
        .hooks(Replacing)
        .build();
    let mut state = stored(agent.run("go").await.unwrap_err());
    approve_first(&mut state);
    Runner::new().resume(&agent, state).await.unwrap();
    assert_eq!(seen.take(), ["replaced", "replaced"]);
}

#[tokio::test]
async fn a_function_that_starts_several_runs_goes_on_with_the_one_that_has_paused() {
    let ran = Ran::default();
    let writer = |id: &str, approval: Approval| {
        Agent::builder("Writer", model(vec![call("0", "write", id)]))
            .tool(ran.tool("write").with_approval(approval))
            .build()
            .as_tool("ask", "Writes.")
    };
    let (first, second) =
        (writer("first", Approval::never()), writer("second", Approval::always()));
    let both = FunctionTool::with_context("both", "Works.", move |context, _: Text| {
        let (first, second, context) = (first.clone(), second.clone(), context.clone());
        async move {
            let one = first.call_in(&context, json!({"input": "go"})).await?;
            let other = second.call_in(&context, json!({"input": "go"})).await?;
            let texts = [one, other].map(|it| it.into_json().as_str().map(str::to_owned));
            Ok::<_, ToolError>(texts.into_iter().flatten().collect::<Vec<_>>().join(", "))
        }
    });
    let agent = Agent::builder("Top", model(vec![call("0", "both", "x")])).tool(both).build();
    let mut state = stored(agent.run("go").await.unwrap_err());
    assert_eq!(ran.take(), ["write first"]);
    approve_first(&mut state);
    let result = Runner::new().resume(&agent, state).await.unwrap();
    assert_eq!(result.output, "write did first, write did second");
    assert_eq!(
        ran.take(),
        ["write first", "write second"],
        "the function runs again from its start"
    );
}
