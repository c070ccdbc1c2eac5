//! Invocations on an engine that replays as strictly as the real one, and loses workers anywhere.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends here")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::{FutureExt as _, future::BoxFuture, poll};
use proptest::prelude::*;
use raaf_agents::{
    Agent, Approval, FlowExt as _, FunctionTool, Message, Model, ModelError, ModelRequest,
    ModelResponse, Pipeline, RetryPolicy, RunResult, State, ToolCall, ToolResult, service,
};
use restate_sdk::{context::RequestTarget, errors::TerminalError};
use serde_json::{Value as Json, json};
use tokio::task::yield_now;

use crate::{
    ApprovalRequest, Decision, Durable, Failure,
    engine::{Engine, Recorded},
    journal::lock,
};

/// State that outlives workers: the engine's journal, the decisions, and what was announced.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<Stored>>);

#[derive(Default)]
struct Stored {
    /// Entries, with `None` for one that has no result yet.
    entries: Vec<(&'static str, Option<Json>)>,
    decisions: BTreeMap<String, Json>,
    announced: BTreeMap<String, String>,
    /// Numbers of the visits of items.
    visits: BTreeMap<i64, u32>,
    /// No person decides.
    undecided: bool,
    awaited: usize,
}

/// The engine of one attempt.
struct Attempt {
    store: Store,
    position: Arc<AtomicUsize>,
    promises: AtomicUsize,
}

impl Attempt {
    fn new(store: &Store) -> Self {
        Self { store: store.clone(), position: Arc::default(), promises: AtomicUsize::new(17) }
    }
}

impl<'a> Engine<'a> for Attempt {
    fn id(&self) -> &str {
        "inv"
    }

    fn trace_headers(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn record(&self, name: &'static str, work: BoxFuture<'a, Json>) -> Recorded<'a> {
        let (Store(store), position) = (self.store.clone(), Arc::clone(&self.position));
        async move {
            let here = position.fetch_add(1, Ordering::Relaxed);
            let known = lock(&store).entries.get(here).cloned();
            if let Some((known_name, result)) = known {
                assert_eq!(known_name, name, "entry {here} has another name");
                if let Some(result) = result {
                    return Ok(result);
                }
                assert_eq!(lock(&store).entries.len(), here + 1, "entries overlap");
            } else {
                let mut store = lock(&store);
                assert!(
                    store.entries.iter().all(|(_, result)| result.is_some()),
                    "entries overlap"
                );
                store.entries.push((name, None));
            }
            let result = work.await;
            yield_now().await;
            {
                let mut store = lock(&store);
                for (_, earlier) in &store.entries {
                    for step in done(earlier.as_ref()) {
                        assert!(
                            !done(Some(&result)).any(|other| other == step),
                            "{step} ran twice"
                        );
                    }
                }
                store.entries[here].1 = Some(result.clone());
            }
            yield_now().await;
            Ok(result)
        }
        .boxed()
    }

    fn promise(&self) -> (String, Recorded<'a>) {
        let id = format!("promise{}", self.promises.fetch_add(1, Ordering::Relaxed));
        let (Store(store), position) = (self.store.clone(), Arc::clone(&self.position));
        let promise = {
            let id = id.clone();
            async move {
                loop {
                    if let Some(decision) = lock(&store).decisions.get(&id) {
                        return Ok(decision.clone());
                    }
                    let read = position.load(Ordering::Relaxed);
                    assert_eq!(read, lock(&store).entries.len(), "awaited during a replay");
                    yield_now().await;
                    // The person decides on what was announced.
                    let mut store = lock(&store);
                    store.awaited += 1;
                    if store.undecided {
                        continue;
                    }
                    let call = store.announced[&id].clone();
                    store
                        .decisions
                        .insert(id.clone(), json!(Decision::Reject(format!("no {call}"))));
                }
            }
        };
        (id, promise.boxed())
    }

    fn call(&self, _: RequestTarget, _: BTreeMap<String, String>, _: Json) -> Recorded<'a> {
        async { Err(TerminalError::new("there are no other handlers")) }.boxed()
    }
}

fn done(entry: Option<&Json>) -> impl Iterator<Item = &String> {
    entry.and_then(|entry| entry.get("done")?.as_object()).into_iter().flat_map(|done| done.keys())
}

/// Delays that differ from attempt to attempt.
#[derive(Clone)]
struct Delays(Arc<Mutex<u64>>);

impl Delays {
    async fn wait(&self) {
        let times = {
            let mut state = lock(&self.0);
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (*state >> 33) % 7
        };
        for _ in 0..times {
            yield_now().await;
        }
    }
}

/// A model that makes its turns in order, and answers with all errors that it was told.
struct Planned {
    turns: Vec<Vec<&'static str>>,
    delays: Delays,
}

#[async_trait]
impl Model for Planned {
    fn name(&self) -> &str {
        "planned"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        self.delays.wait().await;
        let turn = request.messages.iter().filter(|it| it.tool_calls().count() > 0).count();
        let Some(tools) = self.turns.get(turn) else {
            let results = request.messages.iter().flat_map(Message::tool_results);
            let errors = results.filter(|result| result.is_error);
            let errors: Vec<_> = errors.map(ToolResult::text).collect();
            return Ok(ModelResponse::new(Message::assistant(errors.join(", "))));
        };
        let call = |(at, tool): (usize, &&str)| ToolCall::new(format!("c{at}"), *tool, &json!({}));
        Ok(ModelResponse::new(Message::calls(tools.iter().enumerate().map(call))))
    }
}

fn agent(name: &'static str, delays: &Delays) -> Agent {
    let turns = vec![vec!["read", "write"], vec!["read"], vec!["write", "read"]];
    let tool = |tool: &'static str| {
        let delays = delays.clone();
        FunctionTool::with_context(tool, "Works.", move |_, (): ()| {
            let delays = delays.clone();
            async move {
                delays.wait().await;
                Ok::<_, String>(tool)
            }
        })
    };
    Agent::builder(name, Planned { turns, delays: delays.clone() })
        .tool(tool("read"))
        .tool(tool("write").with_approval(Approval::always()))
        .build()
}

async fn run(
    durable: &Durable<'_>,
    name: &'static str,
    delays: &Delays,
) -> Result<RunResult, Failure> {
    delays.wait().await;
    durable.run(name, &agent(name, delays), "go").await
}

/// A pipeline whose items fail at their first visits, in attempts that go on until one has them all; the last
/// item always fails, apart from those.
fn sums(store: &Store, delays: &Delays) -> Pipeline {
    let visit = |failures: fn(i64) -> u32| {
        let (store, delays) = (store.clone(), delays.clone());
        let visit = service("Visit", move |state: State| {
            let (store, delays) = (store.clone(), delays.clone());
            async move {
                let item: i64 = state.get("item")?;
                delays.wait().await;
                let visits = {
                    let mut store = lock(&store.0);
                    let visits = store.visits.entry(item).or_default();
                    *visits += 1;
                    *visits
                };
                delays.wait().await;
                if visits <= failures(item) {
                    Err("closed".into())
                } else {
                    Ok(state.with("visited", item))
                }
            }
        });
        visit.requires("item").provides("visited").each_over("items").item("item").concurrency(3)
    };
    let sum = |name| {
        service(name, move |state: State| async move {
            let visited: Vec<Option<i64>> = state.get("items_visited")?;
            let sum: i64 = visited.iter().flatten().sum();
            Ok(state.with(name, sum))
        })
    };
    let all = service("All", |state: State| async move {
        if state.get::<Vec<Json>>("items_visited_errors")?.is_empty() {
            Ok(state)
        } else {
            Err("not all".into())
        }
    });
    let tried = visit(|item| u32::try_from(item % 3).unwrap_or_default()) >> sum("all") >> all;
    let delays = RetryPolicy::new(100).with_delays(Duration::ZERO, Duration::ZERO);
    let never = visit(|item| if item == 4 { u32::MAX } else { 0 }) >> sum("some");
    (tried.retry(delays) >> never).named("Sums").build().unwrap()
}

/// Four agents, two of them side by side and beside steps of the handler's own and a
/// pipeline. Each pauses twice.
async fn handle(store: &Store, seed: u64, batch: usize) -> Result<String, Failure> {
    let (attempt, announced) = (Attempt::new(store), store.clone());
    let delays = Delays(Arc::new(Mutex::new(seed)));
    let durable = Durable::begin_in(&attempt, "Job".to_owned()).await?;
    let durable = durable.with_max_parallel_steps(batch).on_approval(move |requests| {
        let mut store = lock(&announced.0);
        for ApprovalRequest { awakeable, agent, tool, .. } in requests {
            store.announced.insert(awakeable, format!("{agent}/{tool}"));
        }
        async { Ok(()) }
    });
    durable
        .complete_in(async {
            let run = |name| run(&durable, name, &delays);
            let own = async {
                let mut sum = 0;
                for number in 0..4 {
                    delays.wait().await;
                    let work = async { Ok::<u32, Failure>(number) };
                    sum += durable.step(&format!("own{number}"), work).await?;
                }
                Ok::<u32, Failure>(sum)
            };
            let pipeline = sums(store, &delays);
            let items = State::new().with("items", json!([1, 2, 3, 4]));
            let pipeline = durable.run_pipeline("sums", &pipeline, items);
            let first = run("first").await?.output;
            let (left, right, sum, sums) = futures::join!(run("left"), run("right"), own, pipeline);
            let sums = sums?;
            let sums = ["all", "some"].map(|key| sums.get::<i64>(key).unwrap());
            let (left, right) = (left?.output, right?.output);
            attempt.record("timer", async { Json::Null }.boxed()).await?;
            let last = run("last").await?.output;
            Ok(format!("{first}; {left}; {right}; {}; {sums:?}; {last}", sum?))
        })
        .await
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// A quarter of the usual cases: each has several attempts.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { failure_persistence: None, cases: config.cases / 4, ..config }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_invocation_that_loses_its_worker_anywhere_goes_on(
        drops in prop::collection::vec(0_usize..400, 0..8),
        seed in any::<u64>(),
        batch in 1_usize..4,
    ) {
        block_on(async {
            let straight = handle(&Store::default(), seed, batch).await.unwrap();
            let store = Store::default();
            for (attempt, &polls) in drops.iter().enumerate() {
                let mut work = pin!(handle(&store, seed ^ attempt as u64, batch));
                for _ in 0..polls {
                    if poll!(&mut work).is_ready() {
                        break;
                    }
                    yield_now().await;
                }
            }
            let output = handle(&store, !seed, batch).await.unwrap();
            assert_eq!(output, straight);
            assert!(output.contains("[10, 6]"), "{output}");
            assert!(output.contains("left/write") && output.contains("right/write"), "{output}");
        });
    }
}

#[test]
fn a_step_outside_of_the_served_work_is_refused() {
    block_on(async {
        let attempt = Attempt::new(&Store::default());
        let durable = Durable::begin_in(&attempt, "Job".to_owned()).await.unwrap();
        let agent = agent("left", &Delays(Arc::default()));
        let failure = durable.run("left", &agent, "go").await.unwrap_err();
        assert!(failure.to_string().contains("within `Durable::complete`"), "{failure}");
    });
}

#[test]
fn work_that_ends_does_not_wait_for_a_decision() {
    block_on(async {
        let attempt = Attempt::new(&Store::default());
        lock(&attempt.store.0).undecided = true;
        let durable = Durable::begin_in(&attempt, "Job".to_owned()).await.unwrap();
        let durable = durable.on_approval(|_| async { Ok(()) });
        let agent = agent("left", &Delays(Arc::default()));
        let failure = durable
            .complete_in(async {
                let fails = async {
                    while lock(&attempt.store.0).awaited == 0 {
                        yield_now().await;
                    }
                    Err::<(), _>(Failure::retryable("gone"))
                };
                futures::try_join!(durable.run("left", &agent, "go"), fails).map(drop)
            })
            .await
            .unwrap_err();
        assert_eq!(failure.to_string(), "gone");
    });
}
