//! Usage, cost and limits of runs that are interrupted and run again with their journal.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use journal::{InMemory, Ledger, Planned, block_on, interrupted, turn, write};
use proptest::prelude::*;
use raaf_agents::{
    Agent, Approval, FunctionTool, Limits, RunConfig, RunContext, RunError, RunHooks, RunResult,
    RunState, Runner, Tool as _, ToolError, Usage,
};
use serde_json::json;

mod journal;

/// An agent that calls another one, which calls a third, each twice side by side: as a tool, and within a
/// function. The innermost one needs an approval.
fn chain(ledger: &Ledger, approval: bool) -> Agent {
    let credit = write("credit", ledger);
    let credit = if approval { credit.with_approval(Approval::always()) } else { credit };
    let turns = [
        turn(&[("debit", json!({"value": 1}))]),
        turn(&[("credit", json!({"value": 2})), ("debit", json!({"value": 3}))]),
    ];
    let third = Agent::builder("Third", Planned(turns.into()));
    let third = third.tool(write("debit", ledger)).tool(credit).build();
    let plain = Agent::builder("Plain", Planned(Vec::new())).build();
    let around = |inner: &Agent, name: &str| {
        let plain = Arc::new(plain.as_tool("inner", "Asks."));
        let within =
            FunctionTool::with_context("within", "Asks.", move |context: RunContext, (): ()| {
                let plain = plain.clone();
                async move {
                    for _ in 0..2 {
                        plain.call_in(&context, json!({"input": "x"})).await?;
                    }
                    Ok::<_, ToolError>("done")
                }
            });
        let ask = ("ask", json!({"input": "go"}));
        let turns = [turn(&[ask, ("within", json!({}))]), turn(&[("within", json!({}))])];
        let outer = Agent::builder(name, Planned(turns.into()));
        outer.tool(inner.as_tool("ask", "Asks.")).tool(within).build()
    };
    around(&around(&third, "Second"), "First")
}

/// The context of the latest run.
#[derive(Clone, Default)]
struct Watch(Arc<Mutex<Option<RunContext>>>);

#[async_trait]
impl RunHooks for Watch {
    async fn agent_answered(&self, context: &RunContext, _: &Agent, _: &str) {
        *self.0.lock().unwrap() = Some(context.clone());
    }
}

fn runner(journal: &InMemory, watch: &Watch) -> Runner {
    let config = RunConfig::new().journal(journal.clone()).run_id("run").hooks(watch.clone());
    // What a run takes that is not interrupted.
    Runner::new().with_config(config.limits(Limits::new().requests(17).tool_calls(9)))
}

type Sums = (BTreeMap<String, Usage>, BTreeMap<String, u64>, String, u64);

fn sums(result: Result<RunResult, RunError>, watch: &Watch) -> Sums {
    let result = result.unwrap();
    let context = watch.0.lock().unwrap().clone().unwrap();
    let requests =
        result.usage_by_agent.iter().map(|(agent, usage)| (agent.clone(), usage.requests));
    let requests = requests.collect();
    (result.usage_by_agent, requests, format!("{:?}", result.cost), context.tool_calls())
}

/// Runs the agent from its beginning, and on behind each pause.
async fn whole(journal: &InMemory, ledger: &Ledger, watch: &Watch) -> Result<RunResult, RunError> {
    let mut ended = runner(journal, watch).run(&chain(ledger, true), "go").await;
    while let Err(error) = ended {
        let mut state: RunState = error.into_state()?;
        for call in state.pending() {
            state.approve(&call.key).unwrap();
        }
        let state = serde_json::from_value(json!(state)).unwrap();
        ended = runner(journal, watch).resume(&chain(ledger, true), state).await;
    }
    ended
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_agents_in_agents_use_counts_once_over_interruptions(
        drops in prop::collection::vec(0_usize..150, 0..5),
        pauses in any::<bool>(),
    ) {
        block_on(async {
            let (ledger, watch) = (Ledger::default(), Watch::default());
            let straight = Runner::new()
                .with_config(RunConfig::new().journal(InMemory::default()).run_id("run").hooks(watch.clone()))
                .run(&chain(&ledger, false), "go")
                .await;
            let straight = sums(straight, &watch);
            assert_eq!(straight.1, [("First", 3), ("Plain", 8), ("Second", 3), ("Third", 3)]
                .map(|(agent, requests)| (agent.to_owned(), requests)).into());
            assert_eq!(straight.3, 9);
            let (ledger, journal) = (Ledger::default(), InMemory::default());
            let run = async || {
                let watch = Watch::default();
                let ended = if pauses {
                    whole(&journal, &ledger, &watch).await
                } else {
                    runner(&journal, &watch).run(&chain(&ledger, false), "go").await
                };
                sums(ended, &watch)
            };
            for &polls in &drops {
                Box::pin(interrupted(run(), polls)).await;
            }
            assert_eq!(run().await, straight);
            assert_eq!(run().await, straight, "a replay");
        });
    }
}
