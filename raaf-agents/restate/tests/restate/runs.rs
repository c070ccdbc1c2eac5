//! Runs without interruption.

use std::fs;

use serde_json::json;

use crate::{
    server::Server,
    trees::{assert_one_tree, drawn, steps, traces},
    worker::Worker,
};

#[tokio::test]
async fn three_agents_run_below_the_span_of_the_caller() {
    let Some(server) = Server::start().await else { return };
    let worker = Worker::start(&server);
    server.register(worker.address).await;
    let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let answer = server.call("Office/report", &json!("j1"), &[("traceparent", header)]).await;
    assert_eq!(answer["answer"], "j1 by Writer failed 0");
    let traces = traces(&server);
    let [trace] = &traces[..] else { panic!("{} traces", traces.len()) };
    let (_, root) = trace.walk().next().unwrap();
    assert_eq!(root.trace_id().hex().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(root.parent_id().unwrap().hex().to_string(), "b7ad6b7169203331");
    assert_eq!(trace.walk().count(), 18, "{}", drawn(trace));
    assert_eq!(steps(trace).values().sum::<usize>(), 13);
}

#[tokio::test]
async fn a_pipeline_with_branches_is_one_tree() {
    let Some(server) = Server::start().await else { return };
    let worker = Worker::start(&server);
    server.register(worker.address).await;
    let answers = server.call("Office/pipeline", &json!("j1"), &[]).await;
    let expected = ["Planner", "Researcher", "Writer"].map(|by| format!("j1 by {by} failed 0"));
    assert_eq!(answers, json!(expected));
    assert_eq!(fs::read_dir(server.path("work/ledger")).unwrap().count(), 6);
    let traces = traces(&server);
    let [trace] = &traces[..] else { panic!("{} traces", traces.len()) };
    assert_one_tree(trace, "Job");
    assert_eq!(trace.walk().filter(|(depth, _)| *depth == 2).count(), 3, "{}", drawn(trace));
}
