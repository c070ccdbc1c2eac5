//! How much of an agent's run is tracing.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use cpu_time::ProcessTime;
use raaf_agents::{
    Agent, FunctionTool, Message, Model, ModelError, ModelRequest, ModelResponse, Pipeline, Reply,
    ScriptedModel, State,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::{runtime, time};

use super::{MEASURED, Sample, WARM_UP, each_on_top, peak_mib};
use crate::tool::{Raaf, Setup, Tool as _};

/// Runs in a round.
const RUNS: u64 = 20;

/// What a round took.
#[derive(Clone, Copy, Default)]
struct Took {
    /// All threads, until what was traced is delivered.
    process: Duration,
    /// By the clock.
    elapsed: Duration,
}

/// Runs a pipeline of two agents, one of which uses a tool, with tracing on and off by turns. The
/// model is scripted and takes `thinks` to answer.
pub fn agents(setup: &Setup, thinks: Duration) -> Option<Sample> {
    let tool = Raaf::start(setup)?;
    let provider = tool.provider()?.clone();
    let tokio = runtime::Builder::new_current_thread().enable_time().build().ok()?;
    let pipeline = pipeline(thinks);
    // `None` when a run fails: then this measures nothing.
    let round = |traced: bool| -> Option<Took> {
        if traced {
            provider.enable();
        } else {
            provider.disable();
        }
        let (process, begin) = (ProcessTime::now(), Instant::now());
        let succeeded = tokio.block_on(async {
            for _ in 0..RUNS {
                pipeline.run(State::new().with("wish", "tea")).await.ok()?;
            }
            Some(())
        });
        tool.flush();
        succeeded.map(|()| Took { process: process.elapsed(), elapsed: begin.elapsed() })
    };

    let begin = Instant::now();
    while begin.elapsed() < WARM_UP {
        round(true)?;
        round(false)?;
    }
    let (mut traced, mut untraced) = (Took::default(), Took::default());
    let (before, ended) = (setup.collector.delivered(), provider.stats().ended);
    let begin = Instant::now();
    while begin.elapsed() < 2 * MEASURED {
        for (turn, total) in [(true, &mut traced), (false, &mut untraced)] {
            let Took { process, elapsed } = round(turn)?;
            total.process += process;
            total.elapsed += elapsed;
        }
    }
    let delivered = setup.collector.delivered() - before;
    let tracing = traced.process.as_secs_f64() - untraced.process.as_secs_f64();
    Some(Sample {
        delivery_ns: each_on_top(traced.process, untraced.process, delivered),
        share_of_run: Some(tracing / (untraced.elapsed.as_secs_f64() + tracing)),
        started: provider.stats().ended - ended,
        delivered,
        peak_mib: peak_mib(),
        ..Sample::default()
    })
}

/// What the tool is given.
#[derive(Deserialize, JsonSchema)]
struct Wanted {
    /// What the headings are about.
    topic: String,
}

#[expect(clippy::expect_used, reason = "what the writer needs stands right here")]
fn pipeline(thinks: Duration) -> Pipeline {
    let headings = FunctionTool::infallible(
        "headings",
        "The headings of a text about a topic.",
        |Wanted { topic }| async move { format!("1. what {topic} is; 2. how {topic} is made") },
    );
    let planner = Agent::builder("Planner", Thinking { thinks, says: asking() })
        .instructions("Make a plan, from headings that you look up.")
        .tool(headings)
        .build();
    let writer = Agent::builder("Writer", Thinking { thinks, says: answering() })
        .instructions("Write the plan out.")
        .build();
    Pipeline::builder("ReportPipeline")
        .then(planner.reads("wish").writes("plan"))
        .then(writer.reads("plan").writes("report"))
        .build()
        .expect("the writer comes after the planner")
}

/// A model that asks for the tool before it answers.
fn asking() -> ScriptedModel {
    ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        if request.messages.iter().any(|message| matches!(message, Message::Tool { .. })) {
            Reply::text("a plan in two parts")
        } else {
            Reply::call("headings", json!({ "topic": "tea" }))
        }
    })
}

/// A model that answers.
fn answering() -> ScriptedModel {
    ScriptedModel::from_fn("scripted", |_: &ModelRequest| "a text in two parts")
}

/// A scripted model that takes its time.
struct Thinking {
    thinks: Duration,
    says: ScriptedModel,
}

#[async_trait]
impl Model for Thinking {
    fn name(&self) -> &str {
        self.says.name()
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        if !self.thinks.is_zero() {
            time::sleep(self.thinks).await;
        }
        self.says.respond(request).await
    }
}
