//! Measures all tools side by side and prints the table.

mod fastrace;
mod opentelemetry;
mod tracing;

use std::{env, io, process::ExitCode};

use raaf_benches::{
    collector::Collector,
    compare::{self, Ratio, Row},
    facts::Says,
    measure::{self, Sample, flat, flat_out, futures, threads, trees},
    raaf::Raaf,
    tool::{AsyncTool, Off, Setup, Tool},
    workload::Tree,
};

use fastrace::{FastraceLocal, FastraceSpans};
use opentelemetry::OpenTelemetry;
use tracing::{TracingLayer, TracingOpenTelemetry, TracingRaaf};

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
    // Spans of `tracing`.
    ($name:literal, $title:literal, bridged, $($call:tt)+) => {
        row!($name, $title, [TracingRaaf, TracingLayer, TracingOpenTelemetry], $($call)+)
    };
    ($name:literal, $title:literal, [$($tool:ident),+], $function:ident $arguments:tt) => {
        Row::new($name, $title)$(.entry($tool::NAME, || $function::<$tool> $arguments))+
    };
}

fn main() -> ExitCode {
    // For the tests: print what each tool delivers.
    let printing = [
        row!("print-calls", "", all, print()),
        row!("print-futures", "", futures, print_futures()),
        row!("print-bridged-calls", "", bridged, print()),
        row!("print-bridged-futures", "", bridged, print_futures()),
    ];
    if env::args().any(|argument| argument.starts_with("print-")) {
        return compare::main(&printing, Ratio::OursByIt);
    }
    let rows = [
        row!("w1", "W1", all, trees(&Setup::ample(), Says::Four, 1, 400)),
        row!("child", "child, no attributes", all, flat(4, 1_000)),
        row!("root", "root, no attributes", all, flat(2_000, 0)),
        // Fewer: for fastrace, what is set late takes a place in its queue of its own.
        row!("late", "W1, late attributes", all, trees(&Setup::ample(), Says::Late, 1, 250)),
        row!("strings", "W1, run-time strings", all, trees(&Setup::ample(), Says::Strings, 1, 400)),
        row!("futures", "W1 as futures", futures, futures()),
        row!("threads-4", "W1 in 4 threads", all, threads(4)),
        row!("threads-32", "W1 in 32 threads", all, threads(32)),
        row!("off", "W1 switched off", all, off(Off::Switch)),
        row!("unsampled", "W1 unsampled", all, off(Off::Unsampled)),
        row!("json", "two producers flat out, JSON", all, flat_out(&to_nowhere())),
        row!("bridged", "W1 by `tracing`", bridged, trees(&Setup::ample(), Says::Four, 1, 400)),
        row!("bridged-futures", "W1 by `tracing`, as futures", bridged, futures()),
        row!("bridged-unsampled", "W1 by `tracing`, unsampled", bridged, off(Off::Unsampled)),
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

/// Traces nothing, for this reason.
fn off<T: Tool>(off: Off) -> Option<Sample> {
    trees::<T>(&Setup::off(off), Says::Four, 1, 400)
}

/// Prints the spans of one W1, by calls.
fn print<T: Tool>() -> Option<Sample> {
    let tool = T::start(&to_stdout())?;
    Tree::new(0).run(&tool, Says::Four);
    tool.flush();
    None
}

/// Prints the spans of one W1, by futures.
fn print_futures<T: AsyncTool>() -> Option<Sample> {
    let tool: &T = Box::leak(Box::new(T::start(&to_stdout())?));
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().ok()?;
    tokio.block_on(Box::leak(Box::new(Tree::new(0))).run_as_futures(tool));
    tool.flush();
    None
}

fn to_stdout() -> Setup {
    Setup { collector: Collector::writing(io::stdout()), ..Setup::ample() }
}
