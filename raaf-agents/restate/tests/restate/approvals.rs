//! Approvals, for which a worker waits.

use std::fs;

use raaf_restate::{ApprovalRequest, Decision};
use serde_json::json;

use crate::{
    server::{Server, until},
    trees::{assert_one_tree, drawn, traces},
    worker::Worker,
};

/// Waits for the first requests that the worker announces.
async fn announced(server: &Server) -> Vec<ApprovalRequest> {
    let announced = server.path("work/announced");
    until(async || fs::read_to_string(&announced).is_ok_and(|text| text.ends_with('\n'))).await;
    let line = fs::read_to_string(&announced).unwrap();
    serde_json::from_str(line.trim_end()).unwrap()
}

#[tokio::test]
async fn a_run_that_waits_for_an_approval_goes_on_in_another_worker() {
    let Some(server) = Server::start().await else { return };
    let mut worker = Worker::start(&server);
    server.register(worker.address).await;
    let decided = async {
        let requests = announced(&server).await;
        let [request] = &requests[..] else { panic!("{requests:?}") };
        assert_eq!((&*request.agent, &*request.tool), ("Clerk", "debit"));
        assert_eq!(request.arguments, json!({ "value": "j0" }));
        server.is("suspended").await;
        worker.replace().await;
        server.resolve(&request.awakeable, &json!(Decision::Approve)).await;
    };
    let (job, headers) = (json!("j0"), []);
    let (answer, ()) = tokio::join!(server.call("Office/refund", &job, &headers), decided);
    assert_eq!(answer, "j0 by Clerk failed 0");
    assert_eq!(fs::read_dir(server.path("work/ledger")).unwrap().count(), 2);
    let log = fs::read_to_string(server.path("work/steps")).unwrap();
    let steps: Vec<_> = log.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(steps, ["Clerk/model0", "Clerk/credit", "Clerk/debit", "Clerk/model1"]);
    let traces = traces(&server);
    assert_eq!(traces.len(), 1);
    assert_one_tree(&traces[0], "Refund");
    // The resumed part is below the part that has paused, and the replay in the other worker has no span.
    let spans = traces[0].walk().map(|(depth, span)| (depth, span.component_name().to_owned()));
    let expected = [
        (0, "Refund"),
        (1, "Clerk"),
        (2, "planned"),
        (2, "credit"),
        (2, "Clerk"),
        (3, "debit"),
        (3, "planned"),
    ];
    let expected = expected.map(|(depth, name)| (depth, name.to_owned()));
    assert_eq!(spans.collect::<Vec<_>>(), expected, "{}", drawn(&traces[0]));
}

#[tokio::test]
async fn a_call_that_is_rejected_is_told_to_the_model() {
    let Some(server) = Server::start().await else { return };
    let worker = Worker::start(&server);
    server.register(worker.address).await;
    let decided = async {
        let requests = announced(&server).await;
        let decision = Decision::Reject("too expensive".to_owned());
        server.resolve(&requests[0].awakeable, &json!(decision)).await;
    };
    let (job, headers) = (json!("j0"), []);
    let (answer, ()) = tokio::join!(server.call("Office/refund", &job, &headers), decided);
    assert_eq!(answer, "j0 by Clerk failed 1");
    assert_eq!(fs::read_dir(server.path("work/ledger")).unwrap().count(), 1);
}
