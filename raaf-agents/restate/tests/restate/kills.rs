//! Workers that are killed at random points.

use std::{env, sync::Arc, time::Duration};

use serde_json::json;
use tokio::time::sleep;

use crate::{
    server::Server,
    trees::{assert_one_tree, drawn, ended_agents, steps, traces},
    work::{STEPS, assert_ledger, assert_steps_in_order},
    worker::Worker,
};

/// Returns the number of kills: `RAAF_KILLS`, or else 50 in CI.
fn kills() -> u32 {
    let by_default = if env::var_os("CI").is_some() { 50 } else { 10 };
    env::var("RAAF_KILLS").map_or(by_default, |kills| kills.parse().unwrap())
}

#[tokio::test]
async fn a_killed_worker_is_replaced_by_one_that_goes_on_where_it_stopped() {
    let Some(server) = Server::start().await else { return };
    let server = Arc::new(server);
    let mut worker = Worker::start(&server);
    server.register(worker.address).await;
    let (mut left, mut jobs) = (kills(), 0);
    while left > 0 {
        let (job, caller) = (format!("j{jobs}"), server.clone());
        jobs += 1;
        let call = tokio::spawn(async move {
            let answer = caller.call("Office/report", &json!(job), &[]).await;
            // As without kills.
            assert_eq!(answer["answer"], format!("{job} by Writer failed 0"));
        });
        while !call.is_finished() {
            sleep(Duration::from_millis(fastrand::u64(0..500))).await;
            if left > 0 && !call.is_finished() {
                left -= 1;
                worker.replace().await;
            }
        }
        call.await.unwrap();
    }
    let by_job = assert_steps_in_order(&server);
    assert_eq!(by_job.len(), jobs);
    assert_ledger(&server, jobs);
    let traces = traces(&server);
    assert_eq!(traces.len(), jobs, "each job is one trace");
    let (mut open, mut again) = (0, 0);
    for trace in &traces {
        assert_one_tree(trace, "Report");
        open += trace.walk().filter(|(_, span)| span.ended().is_none()).count();
        let (ended, agents) = (steps(trace), ["Planner", "Researcher", "Writer"]);
        let agents_ended = ended_agents(trace);
        assert_eq!(agents_ended.len(), agents.len(), "{}", drawn(trace));
        // A worker that is killed between an agent's end and its entry in the journal has made its span.
        again += agents_ended.values().sum::<usize>() - agents.len();
        for agent in agents {
            let models = if agent == "Researcher" { 3 } else { 2 };
            for (step, once) in [("planned", models), ("debit", 1), ("credit", 1)] {
                let count = ended.get(&format!("{agent}/{step}")).copied().unwrap_or_default();
                assert!(count >= once, "{agent}/{step}: {count}\n{}", drawn(trace));
            }
        }
    }
    assert!(again <= kills() as usize, "{again} agents ended again");
    let steps_of_all: usize = traces.iter().flat_map(steps).map(|(_, count)| count).sum();
    let begun: usize = by_job.values().map(Vec::len).sum();
    assert!(steps_of_all <= begun, "{steps_of_all} spans of {begun} steps that began");
    assert!(open > 0, "no kill left an open span");
    let repeated = begun - jobs * STEPS.len();
    eprintln!("{} kills, {jobs} jobs, {begun} steps, {repeated} of them again", kills());
}
