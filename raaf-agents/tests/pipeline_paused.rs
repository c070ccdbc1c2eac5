//! Pipelines in which runs wait for a person.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod ran;

use std::time::Duration;

use raaf_agents::{
    Agent, Approval, FlowExt as _, FunctionTool, Message, ModelRequest, OnBranchError, Pipeline,
    PipelineError, PipelineState, Progress, Reply, ResumeError, RetryPolicy, ScriptedModel, State,
    StepError, service, step,
};
use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use serde_json::json;

use ran::Ran;

impl Ran {
    /// An agent that calls a tool which waits for an approval, and answers with its result.
    fn clerk(&self, name: &'static str) -> Agent {
        let ran = self.clone();
        let send = FunctionTool::infallible("send", "Sends it.", move |(): ()| {
            ran.add(format!("{name} sent"));
            async move { format!("{name} sent") }
        })
        .with_approval(Approval::always());
        let model = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
            let mut results = request.messages.iter().flat_map(Message::tool_results);
            match results.next() {
                None => Reply::call("send", json!({})),
                Some(result) => Reply::text(result.text()),
            }
        });
        Agent::builder(name, model).tool(send).build()
    }
}

/// The state as another process has it.
fn stored(error: PipelineError) -> PipelineState {
    let state = error.into_state().unwrap();
    let json = serde_json::to_string(&state).unwrap();
    let read: PipelineState = serde_json::from_str(&json).unwrap();
    assert!(read == state, "{json}");
    read
}

fn approve_all(state: &mut PipelineState) {
    for call in state.pending() {
        state.approve(&call.key).unwrap();
    }
}

fn agents(state: &PipelineState) -> Vec<String> {
    state.pending().into_iter().map(|call| call.agent).collect()
}

#[tokio::test]
async fn a_pipeline_goes_on_at_the_step_that_has_paused() {
    let ran = Ran::default();
    let pipeline = || {
        (ran.note("first")
            >> ran.clerk("Clerk").reads("letter").writes("outcome")
            >> ran.note("last"))
        .named("Post")
        .takes("letter")
        .build()
        .unwrap()
    };
    let capture = Capture::deterministic();
    let given = State::new().with("letter", "Dear …");
    let error = capture.run_async(pipeline().run(given)).await.unwrap_err();
    let text = "pipeline `Post` stopped at step `Clerk`: paused: a call waits for an approval";
    assert_eq!(
        (error.to_string(), &*error.completed),
        (text.to_owned(), &["first".to_owned()][..])
    );
    assert!(matches!(error.source, StepError::Paused(_)));
    assert_eq!(ran.take_sorted(), ["first"]);

    let mut state = stored(error);
    approve_all(&mut state);
    let after = capture.run_async(pipeline().resume(state)).await.unwrap();
    assert_eq!(ran.take_sorted(), ["Clerk sent", "last"]);
    assert_eq!(after.text("outcome").unwrap(), "Clerk sent");
    assert_eq!(after.iter().count(), 4);
    let spans = capture.spans_async().await;
    assert_coherent!(spans);
    assert_span_tree!(spans, {
        pipeline "Post" [status = unset, "paused" = true, !"error.type"] {
            component "first" [ok]
            agent "Clerk" [status = unset, "paused" = true] { llm * }
            pipeline "Post" [ok, "resumed" = true] {
                agent "Clerk" [ok, "resumed" = true] { tool "send" [ok] llm * }
                component "last" [ok]
            }
        }
    });
}

#[tokio::test]
async fn branches_beside_a_pause_end_and_are_not_run_again() {
    let ran = Ran::default();
    let pipeline = || {
        let branches = ran.clerk("A").reads("x").writes("a")
            | (ran.note("b") >> ran.note("c"))
            | ran.clerk("D").reads("x").writes("d");
        (branches >> ran.note("last")).named("Work").takes("x").build().unwrap()
    };
    let mut state = stored(pipeline().run(State::new().with("x", 1)).await.unwrap_err());
    assert_eq!(
        (ran.take_sorted(), agents(&state)),
        (vec!["b".into(), "c".into()], vec!["A".into(), "D".into()])
    );
    let pending = state.pending();
    state.approve(&pending[1].key).unwrap();
    let mut state = stored(pipeline().resume(state).await.unwrap_err());
    assert_eq!(
        (ran.take_sorted(), agents(&state)),
        (vec!["D sent".to_owned()], vec!["A".to_owned()])
    );
    state.reject(&pending[0].key, "no stamp").unwrap();
    let error = state.clone().reject(&pending[0].key, "no stamp").unwrap_err();
    assert!(error.to_string().ends_with("; pending: none"), "{error}");
    let after = pipeline().resume(state).await.unwrap();
    assert_eq!(ran.take_sorted(), ["last"]);
    let text = |key| after.text(key).unwrap();
    assert_eq!((text("a"), text("d")), ("`send` was rejected: no stamp", "D sent"));
    assert_eq!(text("b"), "done");
}

#[tokio::test]
async fn a_branch_that_failed_before_a_pause_fails_the_group_when_the_others_have_ended() {
    let ran = Ran::default();
    let pipeline = || {
        let failing = service("Bad", |_: State| async { Err("broken".into()) });
        (failing | ran.clerk("A").reads("x").writes("a"))
            .on_error(OnBranchError::Collect)
            .named("Work")
            .takes("x")
            .build()
            .unwrap()
    };
    let mut state = stored(pipeline().run(State::new().with("x", 1)).await.unwrap_err());
    approve_all(&mut state);
    let error = pipeline().resume(state).await.unwrap_err();
    assert_eq!(ran.take_sorted(), ["A sent"]);
    let text = "pipeline `Work` stopped at step `Bad`: 1 of 2 branches failed: `Bad`: broken";
    assert_eq!((error.to_string().as_str(), error.state.contains("a")), (text, true));
}

#[tokio::test]
async fn items_beside_a_pause_end_and_are_not_run_again() {
    let ran = Ran::default();
    let pipeline = || {
        let (seen, clerk) = (ran.clone(), ran.clerk("Clerk"));
        let note = service("note", move |state: State| {
            let item = state.value("item").cloned();
            seen.add(format!("item {}", item.as_ref().map_err(ToString::to_string).unwrap()));
            async move { if item? == 2 { Err("odd".into()) } else { Ok(state) } }
        });
        (note
            >> clerk
                .reads("item")
                .writes("outcome")
                .run_if("is 1", |state| state.value("item").is_ok_and(|item| item == 1)))
        .each_over("items")
        .item("item")
        .taking("item")
        .into_key("all")
        .named("Each")
        .takes("items")
        .build()
        .unwrap()
    };
    let capture = Capture::deterministic();
    let given = State::new().with("items", json!([1, 2, 3]));
    let error = capture.run_async(pipeline().run(given)).await.unwrap_err();
    assert_eq!(ran.take_sorted(), ["item 1", "item 2", "item 3"]);
    let mut state = stored(error);
    approve_all(&mut state);
    let after = capture.run_async(pipeline().resume(state)).await.unwrap();
    assert_eq!(ran.take_sorted(), ["Clerk sent"]);
    assert_eq!(after.value("all").unwrap(), &json!([1, null, 3]));
    assert_eq!(after.value("all_errors").unwrap()[0]["error"], "step `note` failed: odd");
    let spans = capture.spans_async().await;
    assert_coherent!(spans);
    assert_span_tree!(spans, {
        pipeline "Each" ["paused" = true] {
            step *.each_over ["paused" = true] {
                in_any_order {
                    step *.item ["step.item_index" = 0, "paused" = true] {
                        component "note"
                        step "Clerk" ["paused" = true] { agent "Clerk" ["paused" = true] { llm * } }
                    }
                    step *.item ["step.item_index" = 1, error "StepError::Function"] { component "note" }
                    step *.item ["step.item_index" = 2] {
                        component "note"
                        step "Clerk" ["step.skipped" = true]
                    }
                }
            }
            pipeline "Each" ["resumed" = true] {
                step *.each_over ["resumed" = true] {
                    step *.item ["step.item_index" = 0, "resumed" = true] {
                        step "Clerk" ["resumed" = true] {
                            agent "Clerk" ["resumed" = true] { tool "send" llm * }
                        }
                    }
                }
            }
        }
    });
}

#[tokio::test]
async fn wrappers_go_on_where_they_were() {
    let ran = Ran::default();
    let events = Ran::default();
    let pipeline = || {
        let (before, after, condition, seen) =
            (ran.clone(), ran.clone(), ran.clone(), events.clone());
        let clerk = ran.clerk("Clerk").reads("inside").writes("inside_out");
        clerk
            .before(move |state| {
                before.add("before");
                state.set("inside", "from before");
            })
            .after(move |state| {
                after.add("after");
                state.set("seen", true);
            })
            .map_output("inside_out", "out")
            .run_if("always", move |_| {
                condition.add("condition");
                true
            })
            .timeout(Duration::from_secs(60))
            .retry(RetryPolicy::new(3).with_delays(Duration::ZERO, Duration::ZERO))
            .named("Wrapped")
            .on_progress(move |progress: &Progress<'_>| {
                seen.add(match progress {
                    Progress::Started { step, .. } => format!("1 started {step}"),
                    Progress::Paused { step } => format!("2 paused {step}"),
                    Progress::Resumed { step, .. } => format!("3 resumed {step}"),
                    Progress::Done { step, .. } => format!("4 done {step}"),
                    other => format!("5 {other:?}"),
                });
            })
            .build()
            .unwrap()
    };
    let mut state = stored(pipeline().run(State::new().with("given", 1)).await.unwrap_err());
    assert_eq!(ran.take_sorted(), ["before", "condition"]);
    approve_all(&mut state);
    let after = pipeline().resume(state).await.unwrap();
    assert_eq!(ran.take_sorted(), ["Clerk sent", "after"]);
    assert_eq!((after.text("out").unwrap(), after.contains("inside_out")), ("Clerk sent", false));
    assert!(after.contains("given") && after.contains("seen"));
    let expected = ["1 started Clerk", "2 paused Clerk", "3 resumed Clerk", "4 done Clerk"];
    assert_eq!(events.take_sorted(), expected);
}

#[tokio::test]
async fn pipelines_and_tools_within_a_pipeline_go_on() {
    let ran = Ran::default();
    let pipeline = || -> Pipeline {
        let inner = (ran.note("a") >> ran.clerk("Inner").reads("x").writes("inner"))
            .named("Inside")
            .takes("x")
            .build()
            .unwrap();
        let tool = ran.clerk("Tool").as_tool("ask", "Asks.");
        (step(inner) >> step(tool).reads("input").writes("tool") >> ran.note("z"))
            .named("Outside")
            .takes("x")
            .build()
            .unwrap()
    };
    let capture = Capture::deterministic();
    let given = State::new().with("x", 1).with("input", "please");
    let mut state = stored(capture.run_async(pipeline().run(given)).await.unwrap_err());
    assert_eq!(agents(&state), ["Inner"]);
    approve_all(&mut state);
    let mut state = stored(capture.run_async(pipeline().resume(state)).await.unwrap_err());
    assert_eq!(
        (agents(&state), ran.take_sorted()),
        (vec!["Tool".to_owned()], vec!["Inner sent".into(), "a".into()])
    );
    approve_all(&mut state);
    let after = capture.run_async(pipeline().resume(state)).await.unwrap();
    assert_eq!(ran.take_sorted(), ["Tool sent", "z"]);
    assert_eq!(
        (after.text("inner").unwrap(), after.text("tool").unwrap()),
        ("Inner sent", "Tool sent")
    );
    let spans = capture.spans_async().await;
    assert_coherent!(spans);
    assert_span_tree!(spans, {
        pipeline "Outside" {
            pipeline "Inside" ["paused" = true] { component "a" agent "Inner" { llm * } }
            pipeline "Outside" ["resumed" = true, "paused" = true] {
                pipeline "Inside" [ok, "resumed" = true] { agent "Inner" { tool "send" llm * } }
                tool "ask" [status = unset] { agent "Tool" { llm * } }
                pipeline "Outside" [ok, "resumed" = true] {
                    tool "ask" [ok] { agent "Tool" ["resumed" = true] { tool "send" llm * } }
                    component "z"
                }
            }
        }
    });
}

#[tokio::test]
async fn a_state_that_does_not_fit_is_an_error() {
    let ran = Ran::default();
    let of = |name: &str, flow: raaf_agents::Flow| flow.named(name).takes("x").build().unwrap();
    let clerk = || ran.clerk("Clerk").reads("x").writes("y");
    let first = of("Post", ran.note("a") >> clerk());
    let paused = async || stored(first.run(State::new().with("x", 1)).await.unwrap_err());
    for other in [of("Mail", ran.note("a") >> clerk()), of("Post", clerk().into())] {
        let error = other.resume(paused().await).await.unwrap_err();
        let changed = ResumeError::ChangedPipeline { pipeline: "Post".to_owned() };
        assert!(
            matches!(&error.source, StepError::Resume(source) if *source == changed),
            "{error}"
        );
    }
    assert!(!ran.take_sorted().contains(&"Clerk sent".to_owned()));
}
