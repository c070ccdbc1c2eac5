//! Runs that fail, and invocations that are cancelled.

use std::fs;

use raaf_trace_core::Status;
use serde_json::json;

use crate::{
    server::{Server, until},
    trees::{assert_one_tree, drawn, ended_agents, steps, traces},
    worker::Worker,
};

#[tokio::test]
async fn a_failure_that_another_try_can_mend_is_retried_at_its_step() {
    let Some(server) = Server::start().await else { return };
    let worker = Worker::start(&server);
    server.register(worker.address).await;
    let answer = server.call("Office/report", &json!("flaky"), &[]).await;
    assert_eq!(answer["answer"], "flaky by Writer failed 0");
    let log = fs::read_to_string(server.path("work/steps")).unwrap();
    assert_eq!(log.lines().count(), 14, "one step was done again: {log}");
    let traces = traces(&server);
    let [trace] = &traces[..] else { panic!("{} traces", traces.len()) };
    assert_one_tree(trace, "Report");
    let once = ["Planner", "Researcher", "Writer"].map(|agent| (agent.to_owned(), 1));
    assert_eq!(ended_agents(trace), once.into(), "{}", drawn(trace));
    assert_eq!(steps(trace).values().sum::<usize>(), 14, "{}", drawn(trace));
}

#[tokio::test]
async fn a_failure_that_stays_ends_the_invocation() {
    let Some(server) = Server::start().await else { return };
    let worker = Worker::start(&server);
    server.register(worker.address).await;
    let (status, text) = server.answer("Office/report", &json!("wrong"), &[]).await;
    assert_eq!(status, 500);
    assert!(text.contains("agent `Researcher` (turn 1): the model call failed"), "{text}");
    let traces = traces(&server);
    assert_one_tree(&traces[0], "Report");
    let (_, root) = traces[0].walk().next().unwrap();
    assert_eq!(root.status(), Some(Status::Error));
}

#[tokio::test]
async fn an_invocation_that_is_cancelled_ends_with_its_tree() {
    let Some(server) = Server::start().await else { return };
    let worker = Worker::start(&server);
    server.register(worker.address).await;
    let cancelled = async {
        let announced = server.path("work/announced");
        until(async || fs::read_to_string(&announced).is_ok_and(|text| text.ends_with('\n'))).await;
        server.cancel().await;
    };
    let (job, headers) = (json!("j0"), []);
    let ((status, text), ()) =
        tokio::join!(server.answer("Office/refund", &job, &headers), cancelled);
    assert_eq!(status, 409, "{text}");
    let traces = traces(&server);
    assert_one_tree(&traces[0], "Refund");
    let (_, root) = traces[0].walk().next().unwrap();
    assert_eq!(root.status(), Some(Status::Error));
}
