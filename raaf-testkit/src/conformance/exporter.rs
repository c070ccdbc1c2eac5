//! Rules for exporters.

use std::{sync::Arc, thread, time::Duration};

use raaf_trace_core::{
    FinishedSpan, SpanExporter, SpanProcessor as _, TracerProvider,
    sink::{BatchConfig, BatchProcessor, SimpleProcessor},
    trace,
};

use super::{
    Check, Rule,
    probe::{LONG, Probe, Verdict, succeeds},
    samples,
};

/// Number of spans given to an exporter if each is looked for.
const SOME: usize = 500;

const THREADS: usize = 4;

pub(super) fn checks<E: SpanExporter>() -> Vec<(Rule, Check<E>)> {
    vec![
        (Rule::Name, name),
        (Rule::NothingReceived, nothing_received),
        (Rule::HostileText, |probe| takes(probe, &samples::hostile())),
        (Rule::EveryShape, |probe| takes(probe, &samples::shapes())),
        (Rule::ManyThreads, many_threads),
        (Rule::LargeBatch, |probe| {
            succeeds("the export", probe.export(&samples::plain(10_000)))?;
            succeeds("the flush", probe.flush_exporter())
        }),
        (Rule::FlushReturns, flush_returns),
        (Rule::FlushDelivers, |probe| {
            (0..3).try_for_each(|set| {
                let spans = samples::others(set, SOME);
                takes(probe, &spans)?;
                probe.has_all(&spans)
            })
        }),
        (Rule::NothingLost, nothing_lost),
        (Rule::EachOnce, |probe| {
            given(probe)?;
            probe.has_each_once()
        }),
        (Rule::InOrder, |probe| probe.has_order(&given(probe)?)),
        (Rule::SaysTheSame, |probe| {
            let shapes = samples::shapes();
            takes(probe, &shapes)?;
            probe.has_same(&shapes)
        }),
        (Rule::ShutdownTwice, shutdown_twice),
        (Rule::AfterShutdown, after_shutdown),
        (Rule::Drop, |probe| succeeds("the export", probe.export(&samples::plain(SOME)))),
        (Rule::BehindAProvider, behind_a_provider),
    ]
}

fn name<E: SpanExporter>(probe: &Probe<E>) -> Verdict {
    let name = |probe: &Probe<E>| probe.call("name", |sink| sink.name().to_owned());
    let first = name(probe);
    if first.trim().is_empty() {
        return Err("its name is empty".to_owned());
    }
    takes(probe, &samples::plain(5))?;
    let second = name(probe);
    if first == second { Ok(()) } else { Err(format!("its name was {first:?}, then {second:?}")) }
}

fn nothing_received<E: SpanExporter>(probe: &Probe<E>) -> Verdict {
    succeeds("a flush without spans", probe.flush_exporter())?;
    succeeds("an empty batch", probe.export(&[]))?;
    succeeds("a flush after an empty batch", probe.flush_exporter())?;
    succeeds("a shutdown without spans", probe.shut_down_exporter())
}

/// Takes the spans in batches of several sizes, and flushes well.
fn takes<E: SpanExporter>(probe: &Probe<E>, spans: &[FinishedSpan]) -> Verdict {
    let (mut rest, mut size) = (spans, 1);
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(size.min(rest.len()));
        succeeds("an export", probe.export(batch))?;
        (rest, size) = (later, size * 2);
    }
    succeeds("a flush after these spans", probe.flush_exporter())
}

fn given<E: SpanExporter>(probe: &Probe<E>) -> Result<Vec<FinishedSpan>, String> {
    let spans = samples::plain(SOME);
    takes(probe, &spans)?;
    Ok(spans)
}

/// Exports from several threads, one after another.
fn many_threads<E: SpanExporter>(probe: &Probe<E>) -> Verdict {
    let spans = samples::plain(SOME);
    for part in spans.chunks(SOME / THREADS) {
        let export = |batch| succeeds("an export", probe.export(batch));
        thread::scope(|scope| {
            let ended = scope.spawn(|| part.chunks(7).try_for_each(export)).join();
            ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })?;
    }
    succeeds("a flush after these spans", probe.flush_exporter())?;
    probe.has_all(&spans)?;
    probe.has_each_once()
}

/// In a processor that keeps its timeouts, whatever the exporter does.
fn flush_returns<E: SpanExporter>(probe: &Probe<E>) -> Verdict {
    let batching = BatchProcessor::with_config(probe.shared(), BatchConfig::default());
    for timeout in [Duration::ZERO, Duration::from_millis(5)] {
        for span in samples::plain(20) {
            batching.on_end_owned(span);
        }
        // It may say that the time was too short.
        let _ =
            probe.call("a flush behind a batching processor", |_| batching.force_flush(timeout));
    }
    let flushed = probe.call("a flush that is given all the time", |_| batching.force_flush(LONG));
    succeeds("a flush for as long as it takes", flushed)
}

fn nothing_lost<E: SpanExporter>(probe: &Probe<E>) -> Verdict {
    let spans = samples::plain(SOME);
    let several = BatchConfig::default().with_batch_size(SOME / 8);
    let batching = BatchProcessor::with_config(probe.shared(), several);
    for span in &spans {
        batching.on_end(span);
    }
    let flushed = probe.call("a flush behind a batching processor", |_| batching.force_flush(LONG));
    succeeds("a flush behind a batching processor", flushed)?;
    let stats = batching.stats();
    if stats.dropped > 0 || stats.delivered != SOME as u64 {
        return Err(format!("{} of {SOME} spans were delivered: {stats:?}", stats.delivered));
    }
    probe.has_all(&spans)?;
    let ended = probe.call("a shutdown behind a batching processor", |_| batching.shutdown(LONG));
    succeeds("a shutdown behind a batching processor", ended)
}

fn shutdown_twice<E: SpanExporter>(probe: &Probe<E>) -> Verdict {
    takes(probe, &samples::plain(20))?;
    succeeds("a shutdown", probe.shut_down_exporter())?;
    // Whatever it says to the second, it must say something.
    let _ = probe.shut_down_exporter();
    Ok(())
}

fn after_shutdown<E: SpanExporter>(probe: &Probe<E>) -> Verdict {
    takes(probe, &samples::plain(20))?;
    succeeds("a shutdown", probe.shut_down_exporter())?;
    let _ = probe.export(&samples::plain(20));
    let _ = probe.export(&[]);
    let _ = probe.flush_exporter();
    Ok(())
}

fn behind_a_provider<E: SpanExporter>(probe: &Probe<E>) -> Verdict {
    const TRACES: usize = 100;
    let (sink, simple): (Arc<E>, Arc<E>) = (probe.shared(), probe.shared());
    let run = |provider: &TracerProvider| {
        provider.run(|| {
            for number in 0..TRACES {
                trace(format!("run {number}")).in_span(|| ());
            }
        });
        let flushed = provider.force_flush(LONG);
        (flushed, provider.stats().processors.first().cloned().unwrap_or_default())
    };
    // Both are there until the end: the last handle of each shuts the exporter down.
    let providers = [
        ("in batches", TracerProvider::builder().with(sink).build()),
        ("in line", TracerProvider::builder().with(SimpleProcessor::new(simple)).build()),
    ];
    for (how, provider) in &providers {
        let (flushed, stats) = probe.call(format!("a provider {how}"), |_| run(provider));
        succeeds(&format!("a flush of a provider {how}"), flushed)?;
        let delivered = stats.delivered;
        if stats.panics > 0 || delivered != TRACES as u64 {
            let why = stats.last_error.unwrap_or_else(|| "it does not say why".to_owned());
            return Err(format!("{how}, {delivered} of {TRACES} spans were delivered: {why}"));
        }
    }
    probe.call("a provider's shutdown", |_| drop(providers));
    Ok(())
}
