//! How much of an agent's run is tracing.

use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use raaf_agents::{
    Agent, FunctionTool, Message, ModelRequest, Pipeline, Reply, ScriptedModel, State,
};
use serde_json::json;
use tokio::runtime;

use super::{MEASURED, Sample, WARM_UP, each, each_on_top, peak_mib};
use crate::tool::{Raaf, Setup, Tool as _};

/// Runs in a burst.
const RUNS: u64 = 50;

/// Runs a pipeline of two agents, one of which uses a tool, on a scripted model, with tracing on
/// and off by turns. The model answers at once, which no real one does: it is the worst case.
pub fn agents(setup: &Setup) -> Option<Sample> {
    let tool = Raaf::start(setup)?;
    let provider = tool.provider()?.clone();
    let tokio = runtime::Builder::new_current_thread().build().ok()?;
    let pipeline = pipeline();
    let round = |traced: bool| {
        if traced {
            provider.enable()
        } else {
            provider.disable()
        }
        let whole = ProcessTime::now();
        let done = tokio.block_on(async {
            let mut done = 0;
            for _ in 0..RUNS {
                let run = pipeline.run(State::new().with("wish", "tea")).await;
                done += u64::from(run.is_ok());
            }
            done
        });
        tool.flush();
        (whole.elapsed(), done)
    };

    let begin = Instant::now();
    while begin.elapsed() < WARM_UP {
        round(true);
        round(false);
    }
    let (mut traced, mut untraced) = (Duration::ZERO, Duration::ZERO);
    let (before, counted) = (setup.collector.delivered(), provider.stats().ended);
    let begin = Instant::now();
    while begin.elapsed() < 2 * MEASURED {
        for (turn, total) in [(true, &mut traced), (false, &mut untraced)] {
            let (time, done) = round(turn);
            if done != RUNS {
                return None;
            }
            *total += time;
        }
    }
    let delivered = setup.collector.delivered() - before;
    let share = each_on_top(traced, untraced, 1).zip(each(traced, 1));
    Some(Sample {
        delivery_ns: each_on_top(traced, untraced, delivered),
        share_of_run: share.map(|(tracing, whole)| tracing / whole),
        started: provider.stats().ended - counted,
        delivered,
        peak_mib: peak_mib(),
        ..Sample::default()
    })
}

fn pipeline() -> Pipeline {
    let headings = FunctionTool::infallible(
        "headings",
        "The headings of a text about a topic.",
        |topic: String| async move { format!("1. what {topic} is; 2. how {topic} is made") },
    );
    let planner = Agent::builder("Planner", model("a plan in two parts", true))
        .instructions("Make a plan, from headings that you look up.")
        .tool(headings)
        .build();
    let writer = Agent::builder("Writer", model("a text in two parts", false))
        .instructions("Write the plan out.")
        .build();
    Pipeline::builder("ReportPipeline")
        .then(planner.reads("wish").writes("plan"))
        .then(writer.reads("plan").writes("report"))
        .build()
}

/// A model that answers with this text, perhaps after it asked for a tool.
fn model(text: &'static str, asks: bool) -> ScriptedModel {
    ScriptedModel::from_fn("scripted", move |request: &ModelRequest| {
        let told = request.messages.iter().any(|message| matches!(message, Message::Tool { .. }));
        if asks && !told { Reply::call("headings", json!("tea")) } else { Reply::text(text) }
    })
}
