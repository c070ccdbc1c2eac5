//! Sessions of runs that pause and are run again, or whose appends fail.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use raaf_agents::{
    Agent, Handoff, MemorySession, Message, RunConfig, RunContext, RunErrorKind, Runner, Session,
    SessionError, SessionPolicy, ToolResult,
};
use raaf_testkit::{Capture, assert_coherent};

use super::{journal::InMemory, model, ran::Ran};

#[tokio::test]
async fn a_session_of_a_journaled_run_that_paused_and_is_run_again_lacks_no_message() {
    for policy in
        [SessionPolicy::KeepToolResults, SessionPolicy::KeepAll, SessionPolicy::KeepNothing]
    {
        for pauses_at in 0..6 {
            let (ran, journal, session) =
                (Ran::default(), InMemory::default(), MemorySession::new());
            let other = Agent::builder("Other", model(&["free"])).tool(ran.tool("free")).build();
            let agent = Agent::builder("Top", model(&["free", "transfer_to_other"]))
                .tool(ran.tool("free"))
                .handoff(Handoff::to(&other))
                .build();
            let runner = |pauses_at| {
                let asked = AtomicU32::new(0);
                let pause =
                    move |_: &RunContext| asked.fetch_add(1, Ordering::Relaxed) == pauses_at;
                let config = RunConfig::new().journal(journal.clone()).run_id("run");
                let config = config.session(session.clone()).session_policy(policy);
                Runner::new().with_config(config.pause_when(pause))
            };
            // The process is killed before it has stored the state.
            let _ = runner(pauses_at).run(&agent, "go").await;
            let result = runner(u32::MAX).run(&agent, "go").await.unwrap();
            assert_eq!(session.messages(), result.messages, "{policy:?} {pauses_at}");
        }
    }
}

/// A session whose appends fail.
struct Full;

#[async_trait]
impl Session for Full {
    async fn load(&self) -> Result<Vec<Message>, SessionError> {
        Ok(Vec::new())
    }

    async fn append(&self, _: Vec<Message>) -> Result<(), SessionError> {
        Err(SessionError::new("disk full"))
    }

    async fn clear(&self) -> Result<(), SessionError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_session_that_fails_at_a_pause_fails_the_run_with_what_was_done() {
    let ran = Ran::default();
    let agent = Agent::builder("Top", model(&["free", "send"]))
        .tool(ran.tool("free"))
        .tool(ran.asking("send"))
        .build();
    let capture = Capture::new();
    let runner = Runner::new().with_config(RunConfig::new().session(Full));
    let error = capture.run_async(runner.run(&agent, "go")).await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::Session(_)), "{error}");
    let results = error.progress.messages.iter().flat_map(Message::tool_results);
    let results: Vec<_> = results.map(ToolResult::text).collect();
    assert_eq!(results[0], "free did it");
    assert!(results[1].starts_with("The tool was not run"), "{results:?}");
    assert_coherent!(capture.spans_async().await);
}
