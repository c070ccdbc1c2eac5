//! Measures all tools side by side and prints the table.

mod fastrace;
mod opentelemetry;
mod tracing_layer;
mod tracing_opentelemetry;

use std::{env, io, process::ExitCode};

use raaf_benches::{
    collector::Collector,
    compare::{self, Entry, Ratio, Row},
    facts::Says,
    measure::{self, Sample, bursts, sustained, tasks, threads},
    raaf::Raaf,
    tool::{AsyncTool, Off, Setup, Tool},
    workload::{Flat, FutureTrees, Tree, Trees},
};

use fastrace::{FastraceLocal, FastraceSpans};
use opentelemetry::OpenTelemetry;
use tracing_layer::TracingLayer;
use tracing_opentelemetry::TracingOpenTelemetry;

/// A row that measures these tools by a function that is generic over them.
macro_rules! row {
    ($name:literal, $title:literal, all, $($call:tt)+) => {
        row!(
            $name,
            $title,
            [Raaf, FastraceLocal, FastraceSpans, TracingLayer, OpenTelemetry, TracingOpenTelemetry],
            $($call)+
        )
    };
    // A local span of fastrace cannot be held over an await.
    ($name:literal, $title:literal, futures, $($call:tt)+) => {
        row!(
            $name,
            $title,
            [Raaf, FastraceSpans, TracingLayer, OpenTelemetry, TracingOpenTelemetry],
            $($call)+
        )
    };
    ($name:literal, $title:literal, [$($tool:ident),+], $function:ident $arguments:tt) => {
        Row {
            name: $name,
            title: $title,
            entries: vec![$(Entry::new($tool::NAME, || $function::<$tool> $arguments)),+],
        }
    };
}

fn main() -> ExitCode {
    // For the tests: print what each tool delivers.
    let printing =
        [row!("print-calls", "", all, calls()), row!("print-futures", "", futures, futures())];
    if env::args().any(|argument| argument.starts_with("print-")) {
        return compare::main(&printing, Ratio::OursByIt);
    }
    let rows = [
        row!("w1", "W1", all, bursts(&Trees::W1, &Setup::ample())),
        row!("child", "child, no attributes", all, bursts(&Flat::CHILD, &Setup::ample())),
        row!("root", "root, no attributes", all, bursts(&Flat::ROOTS, &Setup::ample())),
        row!("late", "W1, late attributes", all, bursts(&Trees::LATE, &Setup::ample())),
        row!("strings", "W1, run-time strings", all, bursts(&Trees::STRINGS, &Setup::ample())),
        row!("futures", "W1 as futures", futures, tasks(&Setup::ample())),
        row!("threads-4", "W1 in 4 threads", all, threads(&Setup::ample(), 4)),
        row!("threads-32", "W1 in 32 threads", all, threads(&Setup::ample(), 32)),
        row!("off", "W1 switched off", all, bursts(&Trees::W1, &Setup::off(Off::Switch))),
        row!("unsampled", "W1 unsampled", all, bursts(&Trees::W1, &Setup::off(Off::Unsampled))),
        row!("json", "two producers flat out, JSON", all, sustained(&to_nowhere())),
        row!("million", "a million spans to a file", all, million()),
    ];
    compare::main(&rows, Ratio::OursByIt)
}

fn to_nowhere() -> Setup {
    Setup::default_limits(Collector::writing(io::sink()))
}

/// Ours by its file sink, with all fields of its format; the others by the collector, with the
/// fields that all have.
fn million<T: Tool>() -> Option<Sample> {
    let ours = T::NAME == Raaf::NAME;
    let file = Collector::writing(tempfile::tempfile().ok()?);
    measure::million::<T>(&Setup { own_file: ours, ..Setup::default_limits(file) })
}

/// Prints the spans of one W1, by calls.
fn calls<T: Tool>() -> Option<Sample> {
    let tool = T::start(&to_stdout())?;
    Tree::new(&tool, 0).run(&tool, Says::Four);
    tool.flush();
    None
}

/// Prints the spans of one W1, by futures.
fn futures<T: AsyncTool>() -> Option<Sample> {
    let trees = FutureTrees::new(T::start(&to_stdout())?);
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().ok()?;
    tokio.block_on(trees.once());
    trees.tool().flush();
    None
}

fn to_stdout() -> Setup {
    Setup { collector: Collector::writing(io::stdout()), ..Setup::ample() }
}
