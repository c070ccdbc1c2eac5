//! Guardrails and typed answers.

#![allow(clippy::panic, reason = "a test that cannot go on ends here")]

mod common;

use raaf_agents::{
    Agent, Guardrail, GuardrailStage, Message, Part, Reply, RunConfig, RunContext, RunErrorKind,
    Runner, ScriptedModel, Verdict,
};
use raaf_testkit::{Capture, assert_span_tree};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use common::{Silent, shout};

/// Objects to a word, after yielding to other tasks.
fn without(word: &'static str) -> Guardrail {
    Guardrail::new("polite", move |text: String| async move {
        tokio::task::yield_now().await;
        Verdict::trip_if(text.contains(word), format!("it says {word}"))
    })
}

#[tokio::test]
async fn a_guardrail_that_passes_runs_beside_the_model() {
    let capture = Capture::new();
    let agent = Agent::builder("Helper", ScriptedModel::new("scripted", ["yes"]))
        .input_guardrail(without("stupid"))
        .output_guardrail(without("no"))
        .build();
    assert_eq!(capture.run_async(agent.run("please")).await.unwrap().output, "yes");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [ok] {
            agent "Helper" [ok] {
                guardrail "polite" [ok, "guardrail.triggered" = false, "guardrail.stage" = "input"]
                llm "scripted" [ok]
                guardrail "polite" ["guardrail.triggered" = false, "guardrail.stage" = "output"]
            }
        }
    });
}

#[tokio::test]
async fn a_guardrail_that_objects_drops_the_model_and_fails_the_run() {
    let capture = Capture::new();
    let agent = Agent::builder("Helper", Silent).input_guardrail(without("stupid")).build();
    let error = capture.run_async(agent.run("stupid")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "agent `Helper` (turn 1): guardrail `polite` objected: it says stupid"
    );
    assert!(matches!(&error.kind, RunErrorKind::Guardrail { stage: GuardrailStage::Input, .. }));
    assert_eq!(error.progress.messages, [Message::user("stupid")]);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error "guardrail"] {
            agent "Helper" [error "guardrail", "agent.stop_reason" = "guardrail"] {
                guardrail "polite" [
                    ok, "guardrail.triggered" = true, "guardrail.objection" = "it says stupid"
                ]
                llm "silent" [cancelled]
            }
        }
    });
}

#[tokio::test]
async fn a_guardrail_before_the_model_prevents_the_model_call() {
    let capture = Capture::new();
    let agent = Agent::builder("Helper", ScriptedModel::new("scripted", ["yes"]))
        .input_guardrail(without("stupid").before_model())
        .build();
    let error = capture.run_async(agent.run("stupid")).await.unwrap_err();
    assert_eq!((error.kind.as_str(), error.progress.turns), ("guardrail", 0));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error] {
            agent "Helper" [error] { guardrail "polite" [ok, "guardrail.triggered" = true] }
        }
    });
}

#[tokio::test]
async fn no_tool_is_called_before_all_guardrails_pass() {
    let capture = Capture::new();
    let model = ScriptedModel::new("scripted", [Reply::call("shout", json!({"text": "x"}))]);
    let agent =
        Agent::builder("Helper", model).tool(shout()).input_guardrail(without("stupid")).build();
    capture.run_async(agent.run("stupid")).await.unwrap_err();
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error] {
            agent "Helper" [error] { guardrail "polite" [ok] llm "scripted" [ok] }
        }
    });
}

#[tokio::test]
async fn an_output_guardrail_withholds_the_answer() {
    let capture = Capture::new();
    let agent = Agent::builder("Helper", ScriptedModel::new("scripted", ["oh no"]))
        .output_guardrail(without("no"))
        .build();
    let error = capture.run_async(agent.run("go")).await.unwrap_err();
    assert!(matches!(&error.kind, RunErrorKind::Guardrail { stage: GuardrailStage::Output, .. }));
    assert!(error.progress.usage.total_tokens() > 0);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error] {
            agent "Helper" [error, "guardrail.name" = "polite", !"output"] {
                llm "scripted" [ok]
                guardrail "polite" [ok, "guardrail.triggered" = true]
            }
        }
    });
}

#[tokio::test]
async fn a_guardrail_that_fails_fails_the_run() {
    let capture = Capture::new();
    let broken = Guardrail::with_context("broken", |context: RunContext, _| async move {
        Err::<Verdict, _>(context.value::<String>().cloned().unwrap_or_default())
    });
    let agent = Agent::builder("Helper", ScriptedModel::new("scripted", ["yes"]))
        .input_guardrail(broken.before_model())
        .build();
    let runner = Runner::new().with_config(RunConfig::new().context("no judge".to_owned()));
    let error = capture.run_async(runner.run(&agent, "go")).await.unwrap_err();
    assert_eq!(error.to_string(), "agent `Helper`: guardrail `broken` failed: no judge");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error] {
            agent "Helper" [error, "agent.stop_reason" = "guardrail_failed"] {
                guardrail "broken" [error, "error.message" = "no judge"]
            }
        }
    });
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Place {
    city: String,
}

fn finder(replies: &[&str]) -> Agent {
    let model = ScriptedModel::new("scripted", replies.iter().copied().map(Reply::text));
    Agent::builder("Finder", model).output_type::<Place>().build()
}

#[tokio::test]
async fn a_typed_answer_parses() {
    let capture = Capture::new();
    let agent = finder(&["```json\n{\"city\": \"Oslo\"}\n```"]);
    let result = capture.run_async(agent.run("where?")).await.unwrap();
    assert_eq!(result.parse::<Place>().unwrap(), Place { city: "Oslo".to_owned() });
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Finder" ["agent.output_type" = "Place", !event "output.repair"] { llm * }
        }
    });
}

#[tokio::test]
async fn an_answer_that_does_not_match_gets_one_more_try() {
    let capture = Capture::new();
    let agent = finder(&[r#"{"town": "Oslo"}"#, r#"{"city": "Oslo"}"#]);
    let result = capture.run_async(agent.run("where?")).await.unwrap();
    assert_eq!(result.output, r#"{"city": "Oslo"}"#);
    assert!(result.messages[2].text().contains("\"city\" is a required property"));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [ok] {
            agent "Finder" [ok, "agent.turns" = 2, event "output.repair" x 1] { llm * llm * }
        }
    });
}

#[tokio::test]
async fn an_answer_that_does_not_match_twice_fails_the_run() {
    let capture = Capture::new();
    let agent = finder(&["Oslo", "Oslo!"]);
    let error = capture.run_async(agent.run("where?")).await.unwrap_err();
    assert!(
        matches!(&error.kind, RunErrorKind::Output { mismatch } if mismatch.starts_with("not valid JSON"))
    );
    assert_eq!(error.progress.messages.len(), 4);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error] {
            agent "Finder" [error, "agent.stop_reason" = "output"] { llm * [ok] llm * [ok] }
        }
    });
}

#[tokio::test]
async fn guardrails_of_a_run_hold_for_each_agent_and_see_the_whole_input() {
    let no_images = Guardrail::of_messages("no_images", |_, messages: Vec<Message>| async move {
        let parts: Vec<_> = messages.iter().flat_map(|message| &message.parts).collect();
        let has_image = parts.iter().any(|part| matches!(part, Part::Image(_)));
        Ok::<_, std::io::Error>(Verdict::trip_if(
            has_image,
            format!("one of {} parts", parts.len()),
        ))
    });
    let config =
        || RunConfig::new().input_guardrail(no_images.clone()).output_guardrail(without("no"));
    let runner = || Runner::new().with_config(config());
    let agents = || {
        let last = Agent::builder("Last", ScriptedModel::new("scripted", ["no"])).build();
        let transfer = ScriptedModel::new("scripted", [Reply::call("transfer_to_last", json!({}))]);
        Agent::builder("First", transfer).handoff(last).build()
    };

    let capture = Capture::new();
    let image = [Part::text("see"), Part::image_url("https://host/a.png")];
    let input = vec![Message::user(image), Message::assistant("yes"), Message::user("and now?")];
    let error = capture.run_async(runner().run(&agents(), input)).await.unwrap_err();
    let RunErrorKind::Guardrail { objection, .. } = &error.kind else { panic!("{error}") };
    assert_eq!(objection, "one of 4 parts");

    let capture = Capture::new();
    let error = capture.run_async(runner().run(&agents(), "go")).await.unwrap_err();
    assert_eq!((&*error.agent, error.kind.as_str()), ("Last", "guardrail"));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error "guardrail"] {
            agent "First" [ok] { guardrail "no_images" [ok] llm * handoff "Last" }
            agent "Last" [error "guardrail"] {
                llm *
                guardrail "polite" ["guardrail.triggered" = true, "guardrail.stage" = "output"]
            }
        }
    });
}

#[tokio::test]
async fn a_guardrail_of_messages_sees_the_answer_in_its_conversation() {
    let ends_with_answer =
        Guardrail::of_messages("whole", |_, messages: Vec<Message>| async move {
            let texts: Vec<_> = messages.iter().map(Message::text).collect();
            Ok::<_, std::io::Error>(Verdict::trip(texts.join("|")))
        });
    let agent = Agent::builder("Helper", ScriptedModel::new("scripted", ["yes"]))
        .output_guardrail(ends_with_answer)
        .build();
    let error = Capture::new().run_async(agent.run("please")).await.unwrap_err();
    assert!(error.to_string().ends_with("objected: please|yes"), "{error}");
}
