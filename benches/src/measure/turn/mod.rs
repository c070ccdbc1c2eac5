//! What a framework for agents costs by itself: a turn of an agent whose model takes no time.
//!
//! A turn is the same for every framework: the model asks for the one tool that there is, is told
//! the result, and answers, with the same texts. Models do nothing but hand out what they are made
//! with.

mod ours;
mod rig;

use std::time::{Duration, Instant};

use cpu_time::{ProcessTime, ThreadTime};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::runtime::Runtime as Tokio;

use super::{MEASURED, Runtime, Sample, WARM_UP, each, peak_mib};
use crate::tool::Setup;

pub use ours::ours;
pub use rig::rig;

/// Turns between two flushes.
const TURNS: u64 = 100;

/// What the agent is called.
const AGENT: &str = "Planner";
/// What it is told to be.
const INSTRUCTIONS: &str = "Make a plan, from headings that you look up.";
/// What it is asked.
const QUESTION: &str = "How is tea made?";
/// What the tool is called.
const TOOL: &str = "headings";
/// What the tool is for.
const DESCRIPTION: &str = "The headings of a text about a topic.";
/// The model's id of its call.
const CALL: &str = "call_1";
/// What the model asks the tool for.
const TOPIC: &str = "tea";
/// What it answers in the end.
const ANSWER: &str = "First what tea is, and then how tea is made.";
/// The tokens that each answer of the model is said to have used.
const TOKENS: (u64, u64) = (40, 12);

/// What the tool is given.
#[derive(Deserialize, JsonSchema)]
struct Wanted {
    /// What the headings are about.
    topic: String,
}

/// What the tool does.
fn headings(Wanted { topic }: &Wanted) -> String {
    format!("1. what {topic} is; 2. how {topic} is made")
}

/// A framework with its agent at hand.
trait Framework {
    /// One turn; `None` if the answer is not the model's.
    async fn turn(&self) -> Option<()>;

    /// Returns once every span that has ended is delivered.
    fn flush(&self);
}

/// Runs turns on one thread, again and again, with a flush after some.
fn turns(framework: &impl Framework, setup: &Setup) -> Option<Sample> {
    let tokio = Runtime::CurrentThread.build()?;
    let begin = Instant::now();
    while begin.elapsed() < WARM_UP {
        round(&tokio, framework)?;
    }
    let (mut producer, mut process, mut rounds) = (Duration::ZERO, Duration::ZERO, 0);
    let before = setup.collector.delivered();
    let begin = Instant::now();
    while begin.elapsed() < MEASURED {
        let took = round(&tokio, framework)?;
        producer += took.0;
        process += took.1;
        rounds += 1;
    }
    let delivered = setup.collector.delivered() - before;
    let turns = rounds * TURNS;
    Some(Sample {
        producer_ns: each(producer, turns),
        delivery_ns: each(process, turns),
        spans_a_turn: Some(delivered as f64 / turns as f64),
        started: delivered,
        delivered,
        peak_mib: peak_mib(),
        ..Sample::default()
    })
}

/// What some turns took of this thread, and with their flush of the process.
fn round(tokio: &Tokio, framework: &impl Framework) -> Option<(Duration, Duration)> {
    let (whole, thread) = (ProcessTime::now(), ThreadTime::now());
    tokio.block_on(async {
        for _ in 0..TURNS {
            framework.turn().await?;
        }
        Some(())
    })?;
    let producer = thread.elapsed();
    framework.flush();
    Some((producer, whole.elapsed()))
}
