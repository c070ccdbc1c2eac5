//! Policies for runs that end without an answer.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

mod common;

use common::{endless, shout};
use futures::{FutureExt as _, StreamExt as _};
use raaf_agents::{
    Agent, CancellationToken, Handoff, MemorySession, Message, ModelError, Reply, RunConfig,
    RunErrorKind, Runner, ScriptedModel, SessionPolicy,
};
use serde_json::json;

const POLICIES: [SessionPolicy; 3] =
    [SessionPolicy::KeepToolResults, SessionPolicy::KeepAll, SessionPolicy::KeepNothing];

fn runner(session: &MemorySession, policy: SessionPolicy) -> Runner {
    Runner::new().with_config(RunConfig::new().session(session.clone()).session_policy(policy))
}

/// Shows each message as its role and text.
fn shown(session: &MemorySession) -> Vec<String> {
    let show = |message: &Message| format!("{} {}", message.role.as_str(), message.text());
    session.messages().iter().map(show).collect()
}

fn lost() -> ModelError {
    ModelError::Other { message: "no route".to_owned(), retryable: false }
}

fn call(tool: &str) -> Reply {
    Reply::call(tool, json!({ "text": "hi" }))
}

#[tokio::test]
async fn a_failed_run_leaves_what_the_policy_keeps() {
    for policy in POLICIES {
        let session = MemorySession::new();
        let replies = [call("shout"), Reply::error(lost())];
        let agent = Agent::builder("Talker", ScriptedModel::new("scripted", replies)).tool(shout());
        let agent = agent.build();
        runner(&session, policy).run(&agent, "go").await.unwrap_err();
        let expected = ["user go", "assistant ", "tool HI"];
        match policy {
            SessionPolicy::KeepNothing => assert!(shown(&session).is_empty()),
            _ => assert_eq!(shown(&session), expected),
        }
    }
}

#[tokio::test]
async fn a_failed_run_without_tools_and_its_unfinished_answer_are_kept_only_if_all_is() {
    for policy in POLICIES {
        let session = MemorySession::new();
        let replies = [Reply::text("one two").then_error(lost())];
        let agent = Agent::builder("Talker", ScriptedModel::new("scripted", replies)).build();
        let mut run = runner(&session, policy).stream(&agent, "go");
        while run.next().await.is_some() {}
        match policy {
            SessionPolicy::KeepAll => assert_eq!(shown(&session), ["user go", "assistant one two"]),
            _ => assert!(shown(&session).is_empty()),
        }
    }
}

#[tokio::test]
async fn a_cancelled_run_leaves_what_the_policy_keeps() {
    for policy in POLICIES {
        let session = MemorySession::new();
        let token = CancellationToken::new();
        let model = ScriptedModel::new("scripted", [call("endless")]);
        let agent = Agent::builder("Talker", model).tool(endless()).build();
        let config = RunConfig::new().session(session.clone()).session_policy(policy);
        let runner = Runner::new().with_config(config.cancellation(token.clone()));
        let run = runner.run(&agent, "go");
        let cancel = async { token.cancel() };
        let error = tokio::join!(run, cancel).0.unwrap_err();
        assert!(matches!(error.kind, RunErrorKind::Cancelled));
        let kept = session.messages().len();
        assert_eq!(kept, if policy == SessionPolicy::KeepNothing { 0 } else { 3 });
    }
}

#[tokio::test]
async fn a_dropped_run_leaves_what_the_policy_keeps() {
    for policy in POLICIES {
        let session = MemorySession::new();
        let model = ScriptedModel::new("scripted", [call("shout"), call("endless")]);
        let agent = Agent::builder("Talker", model).tools([shout(), endless()]).build();
        assert!(runner(&session, policy).run(&agent, "go").now_or_never().is_none());
        let kept = session.messages().len();
        assert_eq!(kept, if policy == SessionPolicy::KeepNothing { 0 } else { 5 });
    }
}

#[tokio::test]
async fn a_run_with_an_answer_is_kept_whole_also_what_a_filter_of_a_hand_off_removed() {
    for policy in POLICIES {
        let session = MemorySession::new();
        let second = Agent::builder("Second", ScriptedModel::new("second", ["done"])).build();
        let handoff = Handoff::to(&second).input_filter(|_| vec![Message::user("short")]);
        let model = ScriptedModel::new(
            "first",
            [call("shout"), Reply::call("transfer_to_second", json!({}))],
        );
        let first = Agent::builder("First", model).tool(shout()).handoff(handoff).build();
        let result = runner(&session, policy).run(&first, "go").await.unwrap();
        assert_eq!(result.messages.len(), 2);
        let roles: Vec<_> =
            session.messages().iter().map(|message| message.role.as_str()).collect();
        let expected = ["user", "assistant", "tool", "assistant", "tool", "assistant"];
        assert_eq!(roles, expected, "{policy:?}");
    }
}
