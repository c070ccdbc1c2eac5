//! Sessions that fail.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

mod common;

use std::{future, time::Duration};

use async_trait::async_trait;
use raaf_agents::{
    Agent, Message, RunConfig, RunError, RunErrorKind, Runner, ScriptedModel, Session, SessionError,
};
use raaf_testkit::{Capture, assert_span_tree};

/// A session that fails or hangs.
#[derive(Clone, Copy)]
enum Broken {
    Load,
    Append,
    HangsAtLoad,
    HangsAtAppend,
}

#[async_trait]
impl Session for Broken {
    async fn load(&self) -> Result<Vec<Message>, SessionError> {
        match self {
            Self::Load => Err(SessionError::new("no such file")),
            Self::HangsAtLoad => future::pending().await,
            _ => Ok(vec![Message::user("before")]),
        }
    }

    async fn append(&self, _: Vec<Message>) -> Result<(), SessionError> {
        match self {
            Self::Append => Err(SessionError::new("disk full")),
            Self::HangsAtAppend => future::pending().await,
            _ => Ok(()),
        }
    }

    async fn clear(&self) -> Result<(), SessionError> {
        Ok(())
    }
}

async fn failed(capture: &Capture, config: RunConfig) -> RunError {
    let model = ScriptedModel::new("scripted", ["done"]);
    let agent = Agent::builder("Talker", model).build();
    let runner = Runner::new().with_config(config);
    capture.run_async(runner.run(&agent, "go")).await.unwrap_err()
}

#[tokio::test]
async fn a_session_that_fails_to_load_fails_the_run_before_it_starts() {
    let capture = Capture::new();
    let error = failed(&capture, RunConfig::new().session(Broken::Load)).await;
    assert_eq!(
        error.to_string(),
        "agent `Talker`: the session could not be loaded or saved: session store failed: no such file"
    );
    let RunErrorKind::Session(source) = &error.kind else { panic!("another error: {error:?}") };
    assert_eq!(source.cause().to_string(), "no such file");
    assert_eq!((error.kind.as_str(), error.progress.turns), ("session", 0));
    assert_eq!(error.progress.messages, [Message::user("go")]);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error "session", "error.message" contains "session could not be loaded"]
    });
}

#[tokio::test]
async fn a_session_that_fails_to_save_fails_the_run_with_the_answer_in_its_progress() {
    let capture = Capture::new();
    let error = failed(&capture, RunConfig::new().session(Broken::Append)).await;
    let RunErrorKind::Session(source) = &error.kind else { panic!("another: {error:?}") };
    let progress = &error.progress;
    assert_eq!(source.cause().to_string(), "disk full");
    assert_eq!((&*error.agent, progress.turns), ("Talker", 1));
    let said = [Message::user("before"), Message::user("go"), Message::assistant("done")];
    assert_eq!(progress.messages, said);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error "session"] {
            agent "Talker" [ok, "output" = "done"] { llm * [ok] }
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_session_that_hangs_fails_the_run_at_its_deadline() {
    for store in [Broken::HangsAtLoad, Broken::HangsAtAppend] {
        let capture = Capture::new();
        let config = RunConfig::new().session(store).deadline(Duration::from_secs(60));
        let error = failed(&capture, config).await;
        assert!(matches!(&error.kind, RunErrorKind::Deadline { .. }), "{error:?}");
        let spans = capture.spans_async().await;
        match store {
            Broken::HangsAtLoad => assert_span_tree!(spans, { runner "Runner" [error] }),
            _ => assert_span_tree!(spans, {
                runner "Runner" [error] { agent "Talker" [ok] { llm * } }
            }),
        }
    }
}
