//! Scripted model for tests and offline runs.

mod reply;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _, future, stream};

use super::{
    Model, ModelChunk, ModelError, ModelRequest, ModelResponse, ModelStream, ToolCallDelta, Usage,
};
use crate::conversation::{Message, Part, Reasoning, Role, ToolCall};
pub use reply::Reply;
use reply::{Content, Spoken};

/// Deterministic model for examples, tests and offline runs.
///
/// It replies from a list, or from a function of the request. Ids are numbered within the
/// conversation (`call_1`, `call_2` …) and words count as tokens, so that the same conversation
/// always gives the same response and usage. Streamed replies arrive word by word. Clones share the
/// list.
///
/// # Examples
///
/// ```
/// use raaf_agents::{ModelRequest, Reply, ScriptedModel};
/// use serde_json::json;
///
/// let from_a_list = ScriptedModel::new("scripted", [
///     Reply::call("search", json!({ "query": "lamp" })),
///     Reply::text("The lamp is mentioned twice."),
/// ]);
/// let from_the_conversation = ScriptedModel::from_fn("parrot", |request: &ModelRequest| {
///     Reply::text(request.last_user_text())
/// });
/// ```
#[derive(Clone)]
pub struct ScriptedModel {
    name: String,
    script: Arc<Script>,
}

enum Script {
    List(Mutex<VecDeque<Reply>>),
    Function(Box<dyn Fn(&ModelRequest) -> Reply + Send + Sync>),
}

impl ScriptedModel {
    /// Creates a model that gives one of these replies for each call, in order. It fails when none is
    /// left.
    pub fn new<R: Into<Reply>>(
        name: impl Into<String>,
        replies: impl IntoIterator<Item = R>,
    ) -> Self {
        let replies = replies.into_iter().map(Into::into).collect();
        Self { name: name.into(), script: Arc::new(Script::List(Mutex::new(replies))) }
    }

    /// Creates a model that replies by a function of the request.
    pub fn from_fn<R: Into<Reply>>(
        name: impl Into<String>,
        reply: impl Fn(&ModelRequest) -> R + Send + Sync + 'static,
    ) -> Self {
        let reply = move |request: &ModelRequest| reply(request).into();
        Self { name: name.into(), script: Arc::new(Script::Function(Box::new(reply))) }
    }

    fn next(&self, request: &ModelRequest) -> Reply {
        match &*self.script {
            Script::Function(reply) => reply(request),
            Script::List(replies) => {
                let mut replies = replies.lock().unwrap_or_else(PoisonError::into_inner);
                replies.pop_front().unwrap_or_else(|| {
                    Reply::error(ModelError::other("the script has no reply left"))
                })
            }
        }
    }
}

#[async_trait]
impl Model for ScriptedModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn provider(&self) -> Option<&str> {
        Some("scripted")
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let Answer { response, failure, .. } = self.answer(request).await?;
        failure.map_or(Ok(response), Err)
    }

    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        let pieces = |answer: Result<Answer, ModelError>| {
            let pieces = answer.map_or_else(|error| vec![Err(error)], Answer::into_pieces);
            stream::iter(pieces)
        };
        // Other tasks run between two chunks, as with a server.
        let pieces = stream::once(self.answer(request)).flat_map(pieces);
        pieces.then(|piece| yield_once().map(|()| piece)).boxed()
    }
}

/// Reply within a conversation.
struct Answer {
    response: ModelResponse,
    /// The chunks of the streamed text.
    pieces: Option<Vec<String>>,
    /// The error that ends the response.
    failure: Option<ModelError>,
}

impl ScriptedModel {
    async fn answer(&self, request: &ModelRequest) -> Result<Answer, ModelError> {
        let Reply { content: reply, delay, failure } = self.next(request);
        if !delay.is_zero() {
            pause(delay).await?;
        }
        let spoken = match reply {
            Content::None => {
                let nothing = || ModelError::other("the script's reply is empty");
                return Err(failure.unwrap_or_else(nothing));
            }
            Content::Message(spoken) => *spoken,
        };
        let Spoken { reasoning, hosted, content, pieces, refusal, calls, usage, finish_reason } =
            spoken;
        let pieces = Some(pieces).filter(|pieces| !pieces.is_empty());
        let content = pieces.as_ref().map(|pieces| pieces.concat()).or(content);
        let turns = request.messages.iter().filter(|message| message.role == Role::Assistant);
        let (turns, called) = turns
            .fold((0, 0), |(turns, sum), message| (turns + 1, sum + message.tool_calls().count()));
        let calls = (called + 1..).zip(calls).map(|(number, (name, arguments))| {
            ToolCall::from_text(format!("call_{number}"), name, arguments)
        });
        let reasoning = reasoning.map(|text| Part::Reasoning(Reasoning::new(text)));
        let parts = reasoning
            .into_iter()
            .chain(hosted.into_iter().map(Part::HostedCall))
            .chain(content.map(Part::Text))
            .chain(refusal.map(Part::Refusal))
            .chain(calls.map(Part::ToolCall));
        let message = Message::assistant(parts.collect::<Vec<_>>());
        let usage = usage.unwrap_or_else(|| count_words(request, &message));
        let id = format!("{}-{}", self.name, turns + 1);
        let mut response = ModelResponse::new(message).with_usage(usage).with_id(id);
        response.model = Some(self.name.clone());
        if let Some(reason) = finish_reason {
            response.finish_reason = reason;
        }
        Ok(Answer { response, pieces, failure })
    }
}

impl Answer {
    fn into_pieces(self) -> Vec<Result<ModelChunk, ModelError>> {
        let Self { response, pieces, failure } = self;
        let mut chunks = Vec::new();
        let mut calls = 0;
        for part in &response.message.parts {
            match part {
                Part::Text(text) => {
                    let words = pieces
                        .clone()
                        .unwrap_or_else(|| text.split_inclusive(' ').map(str::to_owned).collect());
                    let words = words.into_iter().filter(|text| !text.is_empty());
                    chunks.extend(words.map(ModelChunk::Text));
                }
                Part::Reasoning(reasoning) => {
                    chunks.push(ModelChunk::Reasoning(reasoning.text.clone()));
                }
                Part::HostedCall(call) => {
                    chunks.push(ModelChunk::HostedCall(Box::new(call.clone())));
                }
                Part::Refusal(words) => chunks.push(ModelChunk::Refusal(words.clone())),
                Part::ToolCall(call) => {
                    let start = ToolCallDelta::start(calls, &call.id, &call.name);
                    let arguments = ToolCallDelta::arguments(calls, &call.arguments);
                    chunks.extend([start, arguments].map(ModelChunk::ToolCall));
                    calls += 1;
                }
                _ => {}
            }
        }
        let end = failure.map_or(Ok(ModelChunk::Done(Box::new(response))), Err);
        chunks.into_iter().map(Ok).chain([end]).collect()
    }
}

async fn pause(delay: Duration) -> Result<(), ModelError> {
    if tokio::runtime::Handle::try_current().is_err() {
        return Err(ModelError::other("a reply with a delay needs a tokio runtime"));
    }
    tokio::time::sleep(delay).await;
    Ok(())
}

/// Yields to other tasks once.
async fn yield_once() {
    let mut waited = false;
    future::poll_fn(|task| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        task.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl fmt::Debug for ScriptedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedModel").field("name", &self.name).finish_non_exhaustive()
    }
}

fn count_words(request: &ModelRequest, answer: &Message) -> Usage {
    let count = |message: &Message| {
        let called = message.tool_calls().map(|call| words(&call.name) + words(&call.arguments));
        words(&message.text()) + called.sum::<u64>()
    };
    let received = request.messages.iter().map(count);
    let instructions = words(request.instructions.as_deref().unwrap_or_default());
    Usage::new(instructions + received.sum::<u64>(), count(answer))
}

fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_list_is_followed_and_then_fails() {
        let model = ScriptedModel::new("m", ["one", "two"]);
        let request = ModelRequest::new([Message::user("go on")]);
        for expected in ["one", "two"] {
            let response = model.respond(&request).await.unwrap();
            assert_eq!(response.message, Message::assistant(expected));
        }
        let error = model.respond(&request).await.unwrap_err();
        assert_eq!(error.to_string(), "the script has no reply left");
    }

    async fn pieces(reply: Reply) -> Vec<Result<ModelChunk, ModelError>> {
        let model = ScriptedModel::new("m", [reply]);
        model.stream(&ModelRequest::new([Message::user("go on")])).collect().await
    }

    fn text(text: &str) -> ModelChunk {
        ModelChunk::Text(text.to_owned())
    }

    #[tokio::test]
    async fn a_streamed_answer_comes_word_by_word_or_as_the_script_says() {
        let words = pieces(Reply::text("one two three")).await;
        assert_eq!(words[..3], [Ok(text("one ")), Ok(text("two ")), Ok(text("three"))]);
        let Ok(ModelChunk::Done(whole)) = &words[3] else { panic!("{words:?}") };
        assert_eq!(whole.message, Message::assistant("one two three"));
        let chunks = pieces(Reply::chunks(["on", "e two"])).await;
        assert_eq!(chunks[..2], [Ok(text("on")), Ok(text("e two"))]);
        let call = pieces(Reply::call("search", json!({"q": 1}))).await;
        let delta = |delta| Ok(ModelChunk::ToolCall(delta));
        assert_eq!(
            call[..2],
            [
                delta(ToolCallDelta::start(0, "call_1", "search")),
                delta(ToolCallDelta::arguments(0, r#"{"q":1}"#)),
            ]
        );
    }

    #[tokio::test]
    async fn an_answer_can_break_off() {
        let error = ModelError::Connection { message: "gone".to_owned() };
        let reply = Reply::chunks(["ha", "lf"]).then_error(error.clone());
        assert_eq!(
            pieces(reply.clone()).await,
            [Ok(text("ha")), Ok(text("lf")), Err(error.clone())]
        );
        let model = ScriptedModel::new("m", [reply]);
        let request = ModelRequest::new([Message::user("go on")]);
        assert_eq!(model.respond(&request).await, Err(error));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_can_take_its_time() {
        let model = ScriptedModel::new("m", [Reply::text("late").after(Duration::from_secs(9))]);
        let request = ModelRequest::new([Message::user("go on")]);
        let asked = tokio::time::Instant::now();
        model.respond(&request).await.unwrap();
        assert_eq!(asked.elapsed(), Duration::from_secs(9));
    }

    #[test]
    fn a_delay_without_a_runtime_is_an_error_and_no_panic() {
        let model = ScriptedModel::new("m", [Reply::text("late").after(Duration::from_secs(9))]);
        let request = ModelRequest::new([Message::user("go on")]);
        let error = futures::FutureExt::now_or_never(model.respond(&request)).unwrap();
        assert!(error.unwrap_err().to_string().contains("tokio runtime"));
    }

    #[tokio::test]
    async fn tokens_are_words_and_ids_follow_from_the_conversation() {
        let model = ScriptedModel::from_fn("m", |_: &ModelRequest| {
            Reply::calls([("search", json!({"q": "a"})), ("rank", json!({}))])
        });
        let mut request = ModelRequest::new([Message::user("two words")]).with_instructions("one");
        let first = model.respond(&request).await.unwrap();
        assert_eq!(first.usage, Usage::new(3, 4));
        assert_eq!(first.id.as_deref(), Some("m-1"));
        request.messages.push(first.message.clone());
        let second = model.respond(&request).await.unwrap();
        let ids = |response: &ModelResponse| {
            response.message.tool_calls().map(|call| call.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&first), ["call_1", "call_2"]);
        assert_eq!(ids(&second), ["call_3", "call_4"]);
        assert_eq!(second.usage, Usage::new(7, 4));
    }
}
