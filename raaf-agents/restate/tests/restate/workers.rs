//! Several workers side by side.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::sleep,
};

use crate::{
    server::Server,
    trees::{assert_one_tree, drawn, traces},
    work::{assert_ledger, assert_steps_in_order},
    worker::Worker,
};

/// Stands in front of two workers: passes each connection of the engine, which opens several, to the next
/// of them.
async fn balance(workers: [SocketAddr; 2]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for worker in workers.into_iter().cycle() {
            let Ok((mut client, _)) = listener.accept().await else { return };
            tokio::spawn(async move {
                if let Ok(mut server) = TcpStream::connect(worker).await {
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    address
}

async fn two_workers(server: &Server) -> [Worker; 2] {
    let workers = [Worker::start(server), Worker::start(server)];
    for worker in &workers {
        worker.comes_up().await;
    }
    server.register(balance([workers[0].address, workers[1].address]).await).await;
    workers
}

fn ids(workers: &[Worker]) -> BTreeSet<u64> {
    workers.iter().map(|worker| worker.id().into()).collect()
}

fn by(answers: &[Value]) -> BTreeSet<u64> {
    answers.iter().filter_map(|answer| answer["by"].as_u64()).collect()
}

async fn reports(server: &Server, jobs: usize) -> Vec<Value> {
    let jobs: Vec<_> = (0..jobs).map(|job| json!(format!("j{job}"))).collect();
    join_all(jobs.iter().map(|job| server.call("Office/report", job, &[]))).await
}

#[tokio::test]
async fn two_workers_share_the_work() {
    let Some(server) = Server::start().await else { return };
    let workers = two_workers(&server).await;
    assert_eq!(by(&reports(&server, 20).await), ids(&workers));
    assert_ledger(&server, 20);
}

#[tokio::test]
async fn a_worker_takes_over_from_the_one_beside_it() {
    let Some(server) = Server::start().await else { return };
    let [first, second] = two_workers(&server).await;
    let kill = async {
        sleep(Duration::from_millis(fastrand::u64(100..400))).await;
        drop(first);
    };
    let (answers, ()) = tokio::join!(reports(&server, 8), kill);
    assert!(by(&answers).contains(&u64::from(second.id())));
    assert_eq!(assert_steps_in_order(&server).len(), 8);
    assert_ledger(&server, 8);
    for trace in traces(&server) {
        assert_one_tree(&trace, "Report");
    }
}

#[tokio::test]
async fn branches_run_on_both_workers_in_one_trace() {
    let Some(server) = Server::start().await else { return };
    let workers = two_workers(&server).await;
    let jobs: Vec<_> = (0..8).map(|job| format!("j{job}")).collect();
    let answers = server.call("Office/reports", &json!(jobs), &[]).await;
    let answers = answers.as_array().unwrap();
    for (job, answer) in jobs.iter().zip(answers) {
        assert_eq!(answer["answer"], format!("{job} by Writer failed 0"));
    }
    assert_eq!(by(answers), ids(&workers));
    let traces = traces(&server);
    let [trace] = &traces[..] else { panic!("{} traces", traces.len()) };
    assert_one_tree(trace, "Reports");
    let reports = trace.walk().filter(|(_, span)| span.component_name() == "Report");
    assert!(reports.map(|(depth, _)| depth).eq([1; 8]), "{}", drawn(trace));
}
