//! Answers that are no success, and errors within them.

use std::sync::atomic::Ordering;

use raaf_agents::{AgentBuilder, FinishReason, RunErrorKind, RunEvent};
use raaf_testkit::assert_span_tree;
use serde_json::json;

use crate::run::{FORMS, Form, Search, Turn, call, calls, counter, run, text};

#[tokio::test]
async fn an_answer_that_was_cut_is_visible_and_an_empty_one_an_error() {
    for form in FORMS {
        let half = Turn::Says(json!({"content": "The answer is"}), "length");
        let outcome = run(form, &[half], |agent| agent).await;
        assert_eq!(outcome.result.as_ref().unwrap().finish_reason, FinishReason::Length);
        assert_span_tree!(outcome.spans, {
            runner "Runner" { agent "Tester" [ok, "agent.stop_reason" = "length"] { llm "m" } }
        });
        let empty = Turn::Says(json!({"content": ""}), "length");
        let outcome = run(form, &[empty], |agent| agent).await;
        assert!(matches!(outcome.failure(), RunErrorKind::CutOff), "{form:?}");
        let typed = Turn::Says(json!({"content": "{\"query\":\"ab"}), "length");
        let outcome = run(form, &[typed], AgentBuilder::output_type::<Search>).await;
        assert!(matches!(outcome.failure(), RunErrorKind::CutOff), "{form:?}");
        assert!(outcome.result.unwrap_err().to_string().contains("max_tokens"));
        assert_eq!(outcome.requests.len(), 1);
    }
}

#[tokio::test]
async fn an_error_within_a_success_is_tried_again_if_it_passes() {
    for form in FORMS {
        for error in [
            json!({"choices": null, "error": {"code": 429, "message": "slow down"}}),
            json!({"error": {"code": 503, "message": "no capacity"}}),
            json!({"choices": [], "error": {"code": "rate_limit_exceeded", "message": "slow"}}),
            json!([{"error": {"status": "RESOURCE_EXHAUSTED", "message": "slow"}}]),
            json!({"detail": "busy"}),
            json!({"error": true, "message": "busy"}),
            json!({"success": false, "errors": [{"message": "busy"}]}),
            json!({"choices": [{"finish_reason": "insufficient_system_resource"}]}),
        ] {
            let turns = [Turn::Body(error), text("ok")];
            let outcome = run(form, &turns, |agent| agent).await;
            assert_eq!(outcome.text(), "ok");
            assert_span_tree!(outcome.spans, {
                runner "Runner" { agent "Tester" { llm "m" [ok, "retry.count" = 1] } }
            });
        }
        let error = json!({"error": {"code": 400, "message": "no such thing"}});
        let outcome = run(form, &[Turn::Body(error)], |agent| agent).await;
        let RunErrorKind::Model(error) = outcome.failure() else { panic!("{form:?}") };
        assert_eq!(error.status(), Some(400));
        assert!(error.to_string().contains("no such thing"), "{error}");
    }
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_not_tried_again() {
    for form in FORMS {
        for body in [
            json!({"error": {"code": "insufficient_quota", "message": "no money"}}),
            json!({"error": {"type": "usage_limit_reached", "resets_in_seconds": 86_400}}),
            json!({"error": {"type": "exceeded_current_quota_error", "message": "no money"}}),
            json!({"error": "Your credit balance is too low."}),
            json!({"error": "no", "code": "insufficient_quota"}),
        ] {
            let turn = Turn::Body(body.clone());
            let within = run(form, &[turn], |agent| agent).await;
            let RunErrorKind::Model(error) = within.failure() else { panic!("{form:?}") };
            assert_eq!((error.kind(), within.requests.len()), ("quota_exceeded", 1), "{body}");
            let outcome = run(form, &[Turn::Status(429, body)], |agent| agent).await;
            assert_eq!(outcome.requests.len(), 1);
            assert_span_tree!(outcome.spans, {
                runner "Runner" [error "quota_exceeded"] { agent "Tester" {
                    llm "m" [error "quota_exceeded", "http.response.status_code" = 429]
                } }
            });
        }
    }
}

#[tokio::test]
async fn the_words_of_a_provider_behind_a_gateway_count() {
    for form in FORMS {
        let raw = r#"{"error":{"message":"prompt is too long: 11 tokens > 10 maximum"}}"#;
        let body = json!({"error": {"code": 400, "message": "Provider returned error",
            "metadata": {"raw": raw, "provider_name": "P"}}});
        for turn in [Turn::Status(400, body.clone()), Turn::Body(body.clone())] {
            let outcome = run(form, &[turn], |agent| agent).await;
            let RunErrorKind::Model(error) = outcome.failure() else { panic!("{form:?}") };
            assert_eq!(error.kind(), "context_overflow");
            assert!(error.to_string().contains("11 tokens of at most 10"), "{error}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_the_server_aborted_is_an_error() {
    for reason in ["error", "network_error", "abort"] {
        let half = || Turn::Says(json!({"content": "half"}), reason);
        let outcome = run(Form::Whole, &[half(), text("ok")], |agent| agent).await;
        assert_eq!((outcome.text(), outcome.requests.len()), ("ok", 2));
        // A stream is not begun again.
        let outcome = run(Form::Streamed, &[half()], |agent| agent).await;
        let RunErrorKind::Model(error) = outcome.failure() else { panic!("{reason}") };
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_conversation_that_is_too_long_is_an_error_of_its_own() {
    for form in FORMS {
        let body = json!({"error": {"type": "exceed_context_size_error", "n_prompt_tokens": 600,
            "n_ctx": 512, "message": "too long"}});
        let outcome = run(form, &[Turn::Status(400, body)], |agent| agent).await;
        let error = outcome.result.unwrap_err();
        let text = format!("{:?}", error.kind);
        assert!(text.contains("tokens: Some(600), limit: Some(512)"), "{text}");
        assert_span_tree!(outcome.spans, {
            runner "Runner" [error "context_overflow"] { agent * { llm * [error "context_overflow"] } }
        });
    }
}

#[tokio::test]
async fn a_refusal_is_an_outcome_of_its_own() {
    for form in FORMS {
        for typed in [false, true] {
            let refused = Turn::Says(json!({"content": null, "refusal": "I will not."}), "stop");
            let outcome =
                run(
                    form,
                    &[refused],
                    |agent| {
                        if typed { agent.output_type::<Search>() } else { agent }
                    },
                )
                .await;
            let RunErrorKind::Refused { refusal } = outcome.failure() else { panic!("{form:?}") };
            assert_eq!((&**refusal, outcome.requests.len()), ("I will not.", 1));
            assert_span_tree!(outcome.spans, {
                runner "Runner" [error "refused"] { agent "Tester" [error] {
                    llm "m" [ok, "gen_ai.response.finish_reasons" = ["refusal"]]
                } }
            });
            let said = outcome.events.iter().any(|event| {
                matches!(event, RunEvent::RefusalDelta { text, .. } if text == "I will not.")
            });
            assert_eq!(said, form == Form::Streamed);
        }
    }
}

#[tokio::test]
async fn a_filtered_answer_is_never_a_success_and_its_calls_are_not_run() {
    for form in FORMS {
        let (wipe, count) = counter("wipe");
        for turn in [
            Turn::Says(json!({"content": null}), "content_filter"),
            Turn::Says(json!({"content": "half of"}), "content_filter"),
            calls(&[call("wipe", "")], "content_filter"),
            calls(&[call("wipe", "{}")], "content_filter"),
        ] {
            let outcome = run(form, &[turn], |agent| agent.tool(wipe.clone())).await;
            assert!(matches!(outcome.failure(), RunErrorKind::ContentFiltered), "{form:?}");
            assert_eq!((outcome.requests.len(), count.load(Ordering::Relaxed)), (1, 0));
        }
    }
}

#[tokio::test]
async fn a_request_that_the_content_filter_refuses_is_an_outcome_of_its_own() {
    for form in FORMS {
        let body = json!({"error": {"code": "content_filter", "param": "prompt", "status": 400,
            "message": "The prompt triggered the policy."}});
        for turn in [Turn::Status(400, body.clone()), Turn::Body(body.clone())] {
            let outcome = run(form, &[turn], AgentBuilder::output_type::<Search>).await;
            assert_eq!(outcome.requests.len(), 1);
            assert_span_tree!(outcome.spans, {
                runner "Runner" [error "content_filtered"] { agent "Tester" [error] {
                    llm "m" [error "content_filtered", "http.response.status_code" = 400]
                } }
            });
        }
    }
}
