//! The Responses API of the proxy, which it makes of Chat Completions.

use futures::StreamExt as _;
use raaf_agents::{Agent, Model as _, ModelChunk, OpenAiResponses, RunEvent, Runner, TracedModel};
use raaf_testkit::{Capture, assert_span_tree};

use super::{answered, common::shout, proxy::Proxy, request};

fn model(proxy: &Proxy, name: &str) -> OpenAiResponses {
    OpenAiResponses::builder(name).base_url(proxy.url()).api_key(proxy.key()).build().unwrap()
}

pub(crate) async fn are_answered(proxy: &Proxy) {
    answers_with_words(proxy).await;
    super::makes_the_round_trip_with_a_tool(model(proxy, "tools")).await;
    streams_a_run(proxy).await;
    refuses_an_unknown_model(proxy).await;
}

async fn answers_with_words(proxy: &Proxy) {
    assert_span_tree!(answered(model(proxy, "words")).await, {
        llm "words" [
            ok,
            "openai.api.type" = "responses",
            "gen_ai.response.id",
            "gen_ai.response.finish_reasons" = ["stop"],
            "gen_ai.usage.input_tokens" > 0,
            "gen_ai.usage.output_tokens" > 0
        ]
    });
}

async fn streams_a_run(proxy: &Proxy) {
    let agent = Agent::builder("Caller", model(proxy, "tools")).tool(shout()).build();
    let capture = Capture::new();
    let work = async { Runner::new().stream(&agent, "Shout hey").collect::<Vec<_>>().await };
    let events = capture.run_async(work).await;
    let texts: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Ok(RunEvent::TextDelta { text, .. }) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert!(texts.len() > 1, "{events:?}");
    assert_eq!(texts.concat(), "It says HEY.");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Caller" {
                llm "tools" [ok, "gen_ai.response.time_to_first_chunk" > 0.0]
                tool "shout" [ok, "tool.result" = "HEY"]
                llm "tools" [ok, "gen_ai.output.messages" contains "It says HEY."]
            }
        }
    });
    let model = model(proxy, "tools");
    let request = request().with_tools([raaf_agents::Tool::spec(&shout()).clone()]);
    let chunks: Vec<_> = model.stream(&request).collect().await;
    let Some(Ok(ModelChunk::Done(whole))) = chunks.last() else { panic!("{chunks:?}") };
    assert_eq!(whole.message.tool_calls().count(), 1);
    assert_eq!((whole.usage.input_tokens, whole.usage.output_tokens), (11, 7));
}

async fn refuses_an_unknown_model(proxy: &Proxy) {
    let (model, capture) = (TracedModel::new(model(proxy, "nobody")), Capture::new());
    let error = capture.run_async(model.respond(&request())).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), ("rejected", false), "{error}");
    assert!(error.to_string().contains("nobody"), "{error}");
    assert_span_tree!(capture.spans_async().await, {
        llm "nobody" [error "rejected", "http.response.status_code" >= 400, !event "retry"]
    });
}
