//! Turns that are interrupted, cancelled or continued, and ends of chats.

use std::io;

use futures::{
    StreamExt as _,
    channel::mpsc::{self, UnboundedReceiver, UnboundedSender},
    stream,
};
use raaf_agents::{
    Agent, CancellationToken, MemorySession, Model, ModelChunk, ModelError, ModelRequest,
    ModelResponse, ModelStream, Repl, RunConfig, Runner,
};
use raaf_testkit::{Capture, assert_span_tree};

use super::{Shown, chat, echo};

/// A model that streams a word, interrupts the chat, and never ends; later it echoes.
struct Interrupting(UnboundedSender<()>);

#[async_trait::async_trait]
impl Model for Interrupting {
    #[allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]
    fn name(&self) -> &str {
        "slow"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        echo().respond(request).await
    }

    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        if request.messages.len() > 1 {
            let response = self.respond(request);
            let response = async { Ok(ModelChunk::Done(Box::new(response.await?))) };
            return stream::once(response).boxed();
        }
        let word = stream::once(async { Ok(ModelChunk::Text("Well, ".to_owned())) });
        let never = stream::once(async {
            self.0.unbounded_send(()).unwrap();
            futures::future::pending().await
        });
        word.chain(never).boxed()
    }
}

pub(crate) fn interrupting() -> (Agent, UnboundedReceiver<()>) {
    let (sender, interrupts) = mpsc::unbounded();
    (Agent::builder("Slow", Interrupting(sender)).build(), interrupts)
}

#[tokio::test]
async fn an_interrupt_cancels_the_turn_and_the_session_keeps_what_was_said() {
    let (agent, interrupts) = interrupting();
    let (chat, shown) = chat(&agent, &["Tell me.", "Go on."]);
    let capture = Capture::new();
    capture.run_async(chat.interrupts(interrupts).run()).await.unwrap();
    assert_eq!(shown.text(), "Well, \n(cancelled)\n\nTell me. / Well,  / Go on.\n\n");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [cancelled] {
            agent "Slow" [cancelled] {
                llm "slow" [cancelled]
            }
        }
        runner "Runner" {
            agent "Slow" {
                llm "slow"
            }
        }
    });
}

#[tokio::test]
async fn an_interrupt_between_turns_ends_a_chat_without_a_terminal() {
    let agent = Agent::builder("A", echo()).build();
    let chat = Repl::new(&agent).input(stream::pending()).interrupts(stream::iter([()]));
    chat.output(Shown::default()).run().await.unwrap();
}

#[tokio::test]
async fn the_token_of_the_configuration_ends_the_chat() {
    let (agent, mut interrupts) = interrupting();
    let token = CancellationToken::new();
    let runner = Runner::new().with_config(RunConfig::new().cancellation(token.clone()));
    let (chat, shown) = chat(&agent, &["Tell me.", "Go on."]);
    let chat = chat.runner(runner).interrupts(stream::pending());
    let ending = async {
        interrupts.next().await;
        token.cancel();
    };
    // A chat can run in a task of its own.
    let (ended, ()) = futures::future::join(tokio::spawn(chat.run()), ending).await;
    ended.unwrap().unwrap();
    assert_eq!(shown.text(), "Well, \n(cancelled)\n\n");
}

#[tokio::test]
async fn a_session_of_the_configuration_is_continued() {
    let session = MemorySession::new();
    let runner = Runner::new().with_config(RunConfig::new().session(session.clone()));
    let agent = Agent::builder("Parrot", echo()).build();
    for line in ["one", "two"] {
        let (chat, _) = chat(&agent, &[line]);
        chat.runner(runner.clone()).run().await.unwrap();
    }
    assert_eq!(session.messages().last().unwrap().text(), "one / one / two");
}

#[tokio::test]
async fn a_line_that_cannot_be_read_is_an_error() {
    let agent = Agent::builder("A", echo()).build();
    let lines = stream::iter([Err(io::Error::other("gone"))]);
    let error = Repl::new(&agent).input(lines).run().await.unwrap_err();
    assert_eq!(error.to_string(), "gone");
}
