//! Cost of sending spans by OTLP, compared with `opentelemetry-otlp` on the same HTTP client.
//!
//! Prints processor time and bytes a span, and the ratio of ours to theirs. With the name of a
//! workload and `ours` or `theirs`, exports a fixed number of batches, for a tool that counts
//! instructions; `benches/otlp.sh` does that.

mod receiver;
mod spans;
mod theirs;

use std::{
    env,
    error::Error,
    io::{self, Write as _},
    time::Duration,
};

use cpu_time::ThreadTime;
use opentelemetry_sdk::trace::SpanData;
use raaf_processors::OtlpSink;
use raaf_trace_core::{FinishedSpan, SpanExporter as _};

use receiver::Receiver;
use theirs::Theirs;

/// Rounds of a measurement. The exporters take turns.
const ROUNDS: usize = 25;

/// Batches in a round.
const BATCHES: usize = 20;

/// Spans for both exporters.
struct Workload {
    name: &'static str,
    ours: Vec<FinishedSpan>,
    theirs: Vec<SpanData>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let receiver = Receiver::start()?;
    let ours = OtlpSink::builder().endpoint(receiver.url()).service_name("bench").build()?;
    let theirs = Theirs::new(&receiver.traces_url())?;
    let ours = |batch: Vec<FinishedSpan>| ours.export(&batch).map_err(|error| error.to_string());
    let workloads = spans::workloads(&receiver, ours)?;
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let [name, who] = &arguments[..] {
        let workload = workloads.iter().find(|workload| workload.name == name);
        let workload = workload.ok_or("there is no such workload")?;
        return count(workload, who, ours, &theirs);
    }
    let mut out = io::stdout().lock();
    for workload in &workloads {
        let spans = (workload.ours.len() * BATCHES) as f64;
        let (mut ratios, mut each) = (Vec::new(), [0.0, 0.0]);
        let mut bytes = [0.0, 0.0];
        for _ in 0..ROUNDS {
            let before = receiver.bytes();
            let mine = measured(&workload.ours, ours)?;
            let between = receiver.bytes();
            let other = measured(&workload.theirs, |batch| theirs.export(batch))?;
            bytes = [(between - before) as f64, (receiver.bytes() - between) as f64];
            ratios.push(mine.as_secs_f64() / other.as_secs_f64());
            each[0] += mine.as_nanos() as f64 / spans / ROUNDS as f64;
            each[1] += other.as_nanos() as f64 / spans / ROUNDS as f64;
        }
        ratios.sort_by(f64::total_cmp);
        writeln!(
            out,
            "{}: processor time {:.0} / {:.0} ns a span, ratio {:.2} ({:.2} to {:.2}); bytes {:.0} / {:.0} a span, \
             ratio {:.2}",
            workload.name,
            each[0],
            each[1],
            ratios[ROUNDS / 2],
            ratios[ROUNDS / 10],
            ratios[ROUNDS - 1 - ROUNDS / 10],
            bytes[0] / spans,
            bytes[1] / spans,
            bytes[0] / bytes[1]
        )?;
    }
    Ok(())
}

/// Processor time of this thread for some batches: exporting them, and dropping their spans.
fn measured<T: Clone, E>(
    batch: &[T],
    export: impl Fn(Vec<T>) -> Result<(), E>,
) -> Result<Duration, E> {
    let mut time = Duration::ZERO;
    for _ in 0..BATCHES {
        let batch = batch.to_vec();
        let begin = ThreadTime::now();
        export(batch)?;
        time += begin.elapsed();
    }
    Ok(time)
}

/// Exports batches, warmed up, and prints how many spans `count_here` has exported.
fn count(
    workload: &Workload,
    who: &str,
    ours: impl Fn(Vec<FinishedSpan>) -> Result<(), String>,
    theirs: &Theirs,
) -> Result<(), Box<dyn Error>> {
    for round in 0..2 * BATCHES {
        let (mine, other) = (workload.ours.clone(), workload.theirs.clone());
        match (who, round < BATCHES) {
            ("ours", true) => ours(mine)?,
            ("ours", false) => count_here(|| ours(mine))?,
            ("theirs", true) => theirs.export(other)?,
            ("theirs", false) => count_here(|| theirs.export(other))?,
            _ => return Err("expected `ours` or `theirs`".into()),
        }
    }
    writeln!(io::stdout(), "{}", workload.ours.len() * BATCHES)?;
    Ok(())
}

/// Runs the counted work.
#[inline(never)]
fn count_here(work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    work()
}
