//! Sessions of runs that pause.

use raaf_agents::{
    Agent, Approval, MemorySession, Role, RunConfig, Runner, Session as _,
    SessionPolicy::{KeepAll, KeepNothing, KeepToolResults},
};

use super::{approve_first, call, cleaner, model, paused_and_approved, ran::Ran, stored};

#[tokio::test]
async fn a_session_keeps_what_tools_did_before_a_pause_and_nothing_twice() {
    let ran = Ran::default();
    let agent = cleaner(&ran);
    let session = MemorySession::new();
    let runner = || Runner::new().with_config(RunConfig::new().session(session.clone()));
    let mut state = stored(runner().run(&agent, "go").await.unwrap_err());
    let roles = async || -> Vec<Role> {
        session.load().await.unwrap().iter().map(|message| message.role).collect()
    };
    assert_eq!(roles().await, [Role::User, Role::Assistant, Role::Tool]);
    approve_first(&mut state);
    let result = runner().resume(&agent, state).await.unwrap();
    let expected = [Role::User, Role::Assistant, Role::Tool, Role::Tool, Role::Assistant];
    assert_eq!(roles().await, expected);
    assert_eq!(session.load().await.unwrap(), result.messages);
}

#[tokio::test]
async fn a_session_keeps_of_a_pause_what_its_policy_says() {
    let ran = Ran::default();
    let with = |calls| {
        Agent::builder("Support", model(calls))
            .tool(ran.tool("note"))
            .tool(ran.tool("refund").with_approval(Approval::always()))
            .build()
    };
    let (note, refund) = (call("1", "note", "a"), call("2", "refund", "b"));
    for (policy, calls, kept) in [
        (KeepToolResults, vec![note.clone(), refund.clone()], 3),
        (KeepToolResults, vec![refund.clone()], 0),
        (KeepAll, vec![refund.clone()], 2),
        (KeepNothing, vec![note, refund], 0),
    ] {
        let (agent, session) = (with(calls), MemorySession::new());
        let config = RunConfig::new().session(session.clone()).session_policy(policy);
        let runner = Runner::new().with_config(config);
        let state = paused_and_approved(&runner, &agent).await;
        assert_eq!(session.load().await.unwrap().len(), kept, "{policy:?}");
        let result = runner.resume(&agent, state).await.unwrap();
        assert_eq!(session.load().await.unwrap(), result.messages, "{policy:?}");
    }
}
