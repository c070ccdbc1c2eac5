//! Runs without interruption.

use raaf_processors::read::TraceReader;
use serde_json::json;

use crate::{server::Server, worker::Worker};

#[tokio::test]
async fn three_agents_run_below_the_span_of_the_caller() {
    let Some(server) = Server::start().await else { return };
    let worker = Worker::start(&server);
    server.register(worker.address).await;
    let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let answer = server.call("Office/report", &json!("j1"), &[("traceparent", header)]).await;
    assert_eq!(answer["answer"], "j1 by Writer failed 0");
    let (traces, faults) = TraceReader::open(server.path("work/traces.jsonl")).unwrap().traces();
    assert!(faults.is_empty());
    for trace in &traces {
        for (depth, node) in trace.walk() {
            eprintln!(
                "{:indent$}{} {} {:?} {:?}",
                "",
                node.kind(),
                node.component_name(),
                node.status(),
                node.head().parent_id,
                indent = 2 * depth
            );
        }
    }
    eprintln!("{}", std::fs::read_to_string(server.path("work/steps")).unwrap());
    eprintln!("{}", std::fs::read_to_string(server.path("work/traces.jsonl")).unwrap());
    assert_eq!(traces.len(), 1);
}
