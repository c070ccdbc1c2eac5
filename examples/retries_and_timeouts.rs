//! Steps that are retried, skipped or timed out, and how each looks in the trace.
//!
//! Run it with `cargo run --example retries_and_timeouts`.
//!
//! A wrapped step has a span of kind `step` with the outcome; its tries are children. Wrappers
//! stack in the order in which they are written.

use std::{
    error::Error,
    future,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use raaf_agents::{FlowExt as _, FunctionStep, Progress, RetryPolicy, State, StepError, service};
use raaf_processors::ConsoleSink;
use raaf_trace_core::TracerProvider;

/// A service that is busy twice before it answers.
fn fetch() -> FunctionStep {
    let tries = AtomicU32::new(0);
    service("Fetch", move |state: State| {
        let busy = tries.fetch_add(1, Ordering::Relaxed) < 2;
        async move {
            if busy { Err("the server is busy".into()) } else { Ok(state.with("page", "tea")) }
        }
    })
}

/// A service that never answers.
fn translate() -> FunctionStep {
    service("Translate", |_: State| future::pending())
}

fn tell(progress: &Progress<'_>) {
    match progress {
        Progress::Done { step, .. } => println!("{step} is done"),
        Progress::Failed { step, error } => println!("{step} failed: {error}"),
        Progress::Retrying { step, attempt, .. } => println!("{step}: try {attempt}"),
        Progress::Skipped { step, reason } => println!("{step} is skipped; {reason}"),
        _ => {}
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _tracing = TracerProvider::builder().with(ConsoleSink::new()).init()?;

    let shorten = service("Shorten", |state: State| async move { Ok(state) });
    let policy = RetryPolicy::new(3).with_delays(Duration::from_millis(2), Duration::from_secs(1));
    let is_busy = |error: &StepError| matches!(error, StepError::Function(_));
    let is_long = |state: &State| state.text("page").is_ok_and(|page| page.len() > 100);
    let limit = Duration::from_millis(10);

    let pipeline = (fetch().retry_if(policy, is_busy)
        >> shorten.run_if("the page is long", is_long)
        >> translate().timeout(limit))
    .named("Reading")
    .on_progress(tell)
    .build()?;

    match pipeline.run(State::new()).await {
        Ok(state) => println!("{:?}", state.iter().collect::<Vec<_>>()),
        Err(error) => {
            println!("{error}");
            println!("behind it: {}", error.completed.join(", "));
            println!("the page so far: {}", error.state.text("page")?);
        }
    }
    Ok(())
}
