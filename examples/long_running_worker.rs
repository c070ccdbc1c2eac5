//! A long-running worker: spans are delivered continuously, can be flushed at any time, and are all
//! delivered on SIGTERM.
//!
//! Run it with `cargo run --example long_running_worker`, which does six jobs, or with `cargo run
//! --example long_running_worker -- forever`, and stop that with ctrl-c or `kill`. It ends as the
//! signal would have ended it, and every job that it reported as done is traced.
//! `RAAF_TRACE_FILE=jobs.jsonl` keeps the spans in a file.

use std::{
    error::Error,
    io::{self, Write as _},
    thread,
    time::Duration,
};

use raaf_processors as _;
use raaf_trace_core::{Component, Traceable, TracerProvider, environment::Environment, traced};

/// Timeout of deliveries at the end.
const PATIENCE: Duration = Duration::from_secs(5);
/// Number of jobs, unless they never end.
const JOBS: u64 = 6;

#[derive(Traceable)]
struct ThumbnailJob {
    component: Component,
    scale: ScaleTool,
}

impl ThumbnailJob {
    #[traced(with(number))]
    fn run(&self, number: u64) -> u64 {
        self.scale.scale(number * 100)
    }

    fn is_traced(&self) -> bool {
        self.traced("run").is_enabled()
    }
}

#[derive(Traceable)]
struct ScaleTool {
    component: Component,
}

impl ScaleTool {
    #[traced(with(width))]
    fn scale(&self, width: u64) -> u64 {
        thread::sleep(Duration::from_millis(2)); // the work
        width / 10
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let settings = Environment::process()
        .with_default("RAAF_TRACE_CONSOLE", "true")
        .with_default("RAAF_TRACE_FLUSH_INTERVAL", "0.5");
    let guard = TracerProvider::builder().environment(&settings).init()?;
    guard.provider().shutdown_on_signals(PATIENCE)?;

    let scale = ScaleTool { component: Component::of::<ScaleTool>() };
    let job = ThumbnailJob { component: Component::of::<ThumbnailJob>(), scale };
    let is_endless = std::env::args().nth(1).is_some_and(|argument| argument == "forever");
    let is_traced = job.is_traced();

    for number in 1.. {
        job.run(number);
        // A signal ends tracing before it ends the process. A job that was done in between is in
        // no trace, so it is not called done: whoever comes next does it again.
        if is_traced && !job.is_traced() {
            continue;
        }
        writeln!(io::stdout(), "job {number} is done")?;

        if !is_endless && number == JOBS / 2 {
            // Say before the machine is paused: nothing ends, and everything is delivered.
            guard.provider().force_flush(PATIENCE)?;
            writeln!(io::stdout(), "all that was done so far is delivered")?;
        }
        if !is_endless && number == JOBS {
            break;
        }
    }
    guard.shutdown()?;
    Ok(())
}
