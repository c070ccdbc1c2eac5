//! Windows and summaries of sessions, and the methods that sessions have by default.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use raaf_agents::{
    Agent, CompactingSession, Limits, MemorySession, Message, ModelError, ModelRequest, Reply,
    Role, RunConfig, RunError, RunErrorKind, RunResult, Runner, ScriptedModel, Session,
    SessionError, ToolCall, Usage, WindowSession,
};
use raaf_testkit::{Capture, Spans, assert_coherent, assert_span_tree};
use raaf_trace_core::{InContext as _, TracerProvider, prices::PriceTable};
use serde_json::json;

/// A store with the required methods only.
#[derive(Clone, Default)]
struct Plain(MemorySession);

#[async_trait]
impl Session for Plain {
    async fn load(&self) -> Result<Vec<Message>, SessionError> {
        self.0.load().await
    }

    async fn append(&self, messages: Vec<Message>) -> Result<(), SessionError> {
        self.0.append(messages).await
    }

    async fn clear(&self) -> Result<(), SessionError> {
        self.0.clear().await
    }
}

fn exchange(id: &str) -> Vec<Message> {
    let call = ToolCall::new(id, "search", &json!({ "for": id }));
    vec![
        Message::user(format!("find {id}")),
        Message::calls([call.clone()]),
        Message::tool(&call, format!("found {id}")),
        Message::assistant(format!("here is {id}")),
    ]
}

async fn filled<S: Session>(session: S, exchanges: &[&str]) -> S {
    for id in exchanges {
        session.append(exchange(id)).await.unwrap();
    }
    session
}

fn texts(messages: &[Message]) -> Vec<String> {
    let shown = |message: &Message| match message.tool_calls().next() {
        Some(call) => format!("call {}", call.id),
        None => message.text().into_owned(),
    };
    messages.iter().map(shown).collect()
}

fn is_whole(messages: &[Message]) -> bool {
    let calls: Vec<_> =
        messages.iter().flat_map(Message::tool_calls).map(|call| &call.id).collect();
    let results = messages.iter().flat_map(Message::tool_results).map(|result| &result.call_id);
    calls.into_iter().eq(results)
}

/// Returns an attribute of an event of the root.
fn of_event(spans: &Spans, event: &str, key: &str) -> String {
    let root = spans.iter().find(|span| span.parent_id().is_none()).unwrap();
    let event = root.events().find(|found| found.name() == event).unwrap();
    event.attributes().get(key).unwrap().to_string()
}

async fn run(capture: &Capture, session: impl Session + 'static) -> Vec<Message> {
    let agent = Agent::builder("Talker", ScriptedModel::new("talker", ["done"])).build();
    let runner = Runner::new().with_config(RunConfig::new().session(session));
    capture.run_async(runner.run(&agent, "go")).await.unwrap().messages
}

#[tokio::test]
async fn a_store_of_three_methods_loads_its_latest_messages_without_splitting_a_call() {
    let session = filled(Plain::default(), &["a", "b"]).await;
    for (max, expected) in [
        (0, &[][..]),
        (1, &["here is b"]),
        (2, &["here is b"]),
        (3, &["call b", "found b", "here is b"]),
        (4, &["find b", "call b", "found b", "here is b"]),
    ] {
        let latest = session.load_latest(max).await.unwrap();
        assert_eq!(texts(&latest), expected, "{max}");
        assert!(is_whole(&latest));
    }
    assert_eq!(session.load_latest(100).await.unwrap().len(), 8);
    assert_eq!(session.id(), None);
    let error = session.pop().await.unwrap_err().to_string();
    assert!(error.contains("does not remove single messages"), "{error}");
    assert_eq!(session.load().await.unwrap().len(), 8);
}

#[tokio::test]
async fn pop_returns_the_last_message_until_none_is_left() {
    let session = Arc::new(filled(MemorySession::new(), &["a"]).await);
    let mut popped = Vec::new();
    while let Some(message) = session.pop().await.unwrap() {
        popped.push(message);
    }
    popped.reverse();
    assert_eq!(popped, exchange("a"));
    assert_eq!(session.pop().await.unwrap(), None);
}

#[tokio::test]
async fn a_window_leaves_out_whole_turns_and_the_trace_shows_how_many() {
    let capture = Capture::new();
    let store = filled(MemorySession::new(), &["a", "b", "c"]).await;
    let messages = run(&capture, WindowSession::to_messages(store.clone(), 4)).await;
    assert_eq!(texts(&messages), ["find c", "call c", "found c", "here is c", "go", "done"]);
    assert_eq!(store.messages().len(), 14, "the store keeps all");
    let spans = capture.spans_async().await;
    assert_coherent!(&spans);
    assert_span_tree!(spans, {
        runner "Runner" [ok] { agent "Talker" [ok] { llm "talker" } }
    });
    let number = |key| of_event(&spans, "conversation.windowed", key);
    assert_eq!(number("conversation.messages_left_out"), "8");
    assert_eq!(number("conversation.messages_kept"), "4");
}

#[tokio::test]
async fn a_window_of_tokens_counts_with_the_given_counter() {
    let store = filled(MemorySession::new(), &["a", "b"]).await;
    let words = |text: &str| text.split(' ').count();
    // "find b" 2, the call 1 + 1, its result 2, the answer 3.
    for (max, expected) in [(9, 4), (8, 2), (16, 7), (18, 8)] {
        let session = WindowSession::to_tokens(store.clone(), max).with_counter(words);
        let messages = session.load().await.unwrap();
        assert!(is_whole(&messages));
        assert_eq!(messages.len(), expected, "{max}: {:?}", texts(&messages));
    }
}

#[tokio::test]
async fn a_long_conversation_is_summarized_in_a_span_of_its_own() {
    let capture = Capture::new();
    let store = filled(MemorySession::new(), &["a", "b", "c"]).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let summarizer = ScriptedModel::from_fn("small", move |request: &ModelRequest| {
        count.fetch_add(1, Ordering::Relaxed);
        let text = request.messages[0].text().into_owned();
        assert!(text.contains("user: find a\nassistant calls search({\"for\":\"a\"})"), "{text}");
        assert!(text.contains("result of search: found a"), "{text}");
        Reply::text("a and b were found")
    });
    let session = CompactingSession::to_messages(store.clone(), summarizer, 10);
    let messages = run(&capture, session.clone()).await;
    let summary = "Summary of the conversation so far:\na and b were found";
    let rest = ["find c", "call c", "found c", "here is c", "go", "done"];
    assert_eq!(texts(&messages), [&[summary][..], &rest].concat());
    let spans = capture.spans_async().await;
    assert_coherent!(&spans);
    assert_span_tree!(spans, {
        runner "Runner" [ok] {
            llm "small" [ok]
            agent "Talker" [ok] { llm "talker" }
        }
    });
    let number = |key| of_event(&spans, "conversation.summarized", key);
    assert_eq!(number("conversation.messages_left_out"), "8");
    assert_eq!(number("conversation.messages_kept"), "5");

    // The store has every message, and the summary is not made again.
    assert_eq!(store.messages().len(), 12 + 1 + 2);
    assert_eq!(texts(&session.load().await.unwrap()), [&[summary][..], &rest].concat());
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

/// Runs with a session that is summarized before the agent is called, by a model that costs $2.
async fn run_with_summary(reply: Reply, limits: Limits) -> Result<RunResult, RunError> {
    let prices = r#"{ "models": { "small": { "input": 1, "output": 1 }, "talker": null } }"#;
    let provider = TracerProvider::builder().prices(PriceTable::from_json(prices).unwrap()).build();
    let store = filled(MemorySession::new(), &["a", "b", "c"]).await;
    let summarizer =
        ScriptedModel::new("small", [reply.with_usage(Usage::new(1_500_000, 500_000))]);
    let session = CompactingSession::to_messages(store, summarizer, 10);
    // Wrappers pass on what they wrap.
    let session = Arc::new(WindowSession::to_messages(session, 100));
    let config = RunConfig::new().session(session).limits(limits);
    let talker = ScriptedModel::new("talker", [Reply::text("done").with_usage(Usage::new(3, 4))]);
    let agent = Agent::builder("Talker", talker).build();
    let run = async move { Runner::new().with_config(config).run(&agent, "go").await };
    run.in_context(provider.context()).await
}

#[tokio::test]
async fn the_call_for_a_summary_counts_in_usage_and_cost_of_the_run() {
    // A summary that is of no use is billed, too.
    for summary in [Reply::text("a and b were found"), Reply::text(" ")] {
        let result = run_with_summary(summary, Limits::new()).await.unwrap();
        assert_eq!(result.usage, Usage::new(1_500_003, 500_004));
        assert_eq!((result.usage.requests, result.turns), (2, 1));
        assert_eq!(result.usage_by_agent["Talker"], result.usage);
        assert_eq!((result.cost.usd(), result.cost.unknown_calls()), (Some(2.0), 1));
    }
}

#[tokio::test]
async fn the_call_for_a_summary_counts_towards_the_limits_of_the_run() {
    let limits = Limits::new;
    for limits in [limits().requests(1), limits().total_tokens(2_000_000), limits().cost_usd(2.0)] {
        let error = run_with_summary(Reply::text("short"), limits).await.unwrap_err();
        assert!(matches!(error.kind, RunErrorKind::Limit { .. }), "{error:?}");
        assert_eq!((error.progress.usage.requests, error.progress.cost.usd()), (1, Some(2.0)));
    }
    let within = limits().requests(2).total_tokens(2_000_001).cost_usd(2.01);
    run_with_summary(Reply::text("short"), within).await.unwrap();
}

#[tokio::test]
async fn summaries_follow_one_another_and_none_splits_a_call() {
    let summarizer = ScriptedModel::from_fn("small", |request: &ModelRequest| {
        let text = request.messages[0].text().into_owned();
        let earlier = text.matches("Summary of").count();
        Reply::text(format!("{} found, {earlier} earlier", text.matches("found").count()))
    });
    for max in 1..12 {
        let store = MemorySession::new();
        store.append(vec![Message::system("be kind")]).await.unwrap();
        let session = CompactingSession::to_messages(store.clone(), summarizer.clone(), max);
        for number in 0..12 {
            session.append(exchange(&number.to_string())).await.unwrap();
            let messages = session.load().await.unwrap();
            assert!(is_whole(&messages), "{max}: {:?}", texts(&messages));
            assert_eq!(messages[0].text(), "be kind");
            let last = messages.last().unwrap().text().into_owned();
            assert_eq!(last, format!("here is {number}"), "{max}");
            let summaries =
                texts(&messages).iter().filter(|text| text.starts_with("Summary")).count();
            assert!(summaries <= 1, "{max}: {:?}", texts(&messages));
            assert!(messages.len() <= max.max(6) + 2, "{max}: {:?}", texts(&messages));
        }
        let said = store.messages().into_iter().filter(|message| message.provider_data.is_none());
        assert_eq!(said.count(), 1 + 12 * 4, "nothing is lost");
    }
}

#[tokio::test]
async fn a_summary_that_fails_leaves_the_conversation_and_is_an_event() {
    let unavailable = ModelError::Other { message: "no route".to_owned(), retryable: false };
    for (reply, fault) in [
        (Reply::error(unavailable), "no route"),
        (Reply::text(" "), "the model answered without a text"),
        (Reply::call("search", json!({})), "the model's answer is not complete: tool_calls"),
    ] {
        let capture = Capture::new();
        let store = filled(MemorySession::new(), &["a", "b"]).await;
        let session =
            CompactingSession::to_messages(store.clone(), ScriptedModel::new("small", [reply]), 4);
        let messages = run(&capture, session).await;
        assert_eq!(messages.len(), 10);
        assert_eq!(store.messages(), messages, "no summary is stored");
        let spans = capture.spans_async().await;
        let shown = of_event(&spans, "conversation.summary_failed", "conversation.fault");
        assert!(shown.contains(fault), "{shown}");
    }
}

#[tokio::test]
async fn a_store_that_fails_to_keep_the_summary_fails_the_load() {
    struct Full(MemorySession);

    #[async_trait]
    impl Session for Full {
        async fn load(&self) -> Result<Vec<Message>, SessionError> {
            self.0.load().await
        }

        async fn append(&self, _: Vec<Message>) -> Result<(), SessionError> {
            Err(SessionError::new("disk full"))
        }

        async fn clear(&self) -> Result<(), SessionError> {
            self.0.clear().await
        }
    }

    let store = filled(MemorySession::new(), &["a", "b"]).await;
    let model = ScriptedModel::new("small", ["short"]);
    let session = CompactingSession::to_messages(Full(store), model, 4);
    let error = session.load().await.unwrap_err();
    assert_eq!(error.to_string(), "session store failed: disk full");
}

#[tokio::test]
async fn pop_skips_summaries_and_brings_back_what_they_stood_for() {
    let store = filled(MemorySession::new(), &["a", "b"]).await;
    let model = ScriptedModel::new("small", ["short"]);
    let session = CompactingSession::to_messages(store.clone(), model, 6);
    assert!(session.load().await.unwrap()[0].text().ends_with("short"));
    assert_eq!(session.pop().await.unwrap().unwrap().text(), "here is b");
    assert_eq!(store.messages().len(), 7);
}

#[tokio::test]
async fn a_summary_of_another_conversation_is_an_ordinary_message() {
    let model = || ScriptedModel::new("small", ["short"]);
    let store = filled(MemorySession::new(), &["a", "b"]).await;
    let first = CompactingSession::to_messages(store, model(), 6).load().await.unwrap();
    assert!(first[0].provider_data.is_some());
    let store = filled(MemorySession::new(), &["x"]).await;
    let second = CompactingSession::to_messages(store, model(), 100);
    second.append(first.clone()).await.unwrap();
    assert_eq!(second.load().await.unwrap().len(), 4 + first.len());
    assert_eq!(second.load().await.unwrap()[0].role, Role::User);
}

#[tokio::test]
async fn content_of_a_summary_stays_out_of_a_trace_without_content() {
    let capture = Capture::new();
    let store = filled(MemorySession::new(), &["secret-a", "secret-b"]).await;
    let session =
        CompactingSession::to_messages(store, ScriptedModel::new("small", ["secret-c"]), 4);
    let agent = Agent::builder("Talker", ScriptedModel::new("talker", ["done"])).build();
    let config = RunConfig::new().session(session).include_sensitive_data(false);
    let runner = Runner::new().with_config(config);
    capture.run_async(runner.run(&agent, "go")).await.unwrap();
    let shown = format!("{:?}", capture.spans_async().await);
    assert!(shown.contains("small") && !shown.contains("secret"), "{shown}");
}
