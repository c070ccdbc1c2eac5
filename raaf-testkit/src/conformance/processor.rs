//! Rules for processors.

use std::{sync::Arc, thread, time::Duration};

use raaf_trace_core::{
    Component, FinishedSpan, SpanProcessor, Traceable as _, TracerProvider, trace,
};

use super::{
    Check, Rule,
    probe::{LONG, Probe, Verdict, succeeds},
    samples,
};

/// Number of spans given to a processor before a flush when nothing may be lost; below the limits
/// of any.
const FEW: usize = 200;

const THREADS: usize = 8;

pub(super) fn checks<P: SpanProcessor>() -> Vec<(Rule, Check<P>)> {
    vec![
        (Rule::Name, name),
        (Rule::NothingReceived, nothing_received),
        (Rule::HostileText, |probe| takes(probe, &samples::hostile())),
        (Rule::EveryShape, |probe| takes(probe, &samples::shapes())),
        (Rule::ManyThreads, many_threads),
        (Rule::FlushReturns, flush_returns),
        (Rule::FlushDelivers, flush_delivers),
        (Rule::NothingLost, nothing_lost),
        (Rule::EachOnce, |probe| {
            given(probe)?;
            probe.has_each_once()
        }),
        (Rule::InOrder, |probe| probe.has_order(&given(probe)?)),
        (Rule::SaysTheSame, |probe| {
            probe.has_same(&given(probe)?)?;
            let shapes = samples::shapes();
            takes(probe, &shapes)?;
            probe.has_same(&shapes)
        }),
        (Rule::StatsAddUp, stats_add_up),
        (Rule::HalfSeen, half_seen),
        (Rule::WhileSpansEnd, while_spans_end),
        (Rule::ShutdownTwice, shutdown_twice),
        (Rule::AfterShutdown, after_shutdown),
        (Rule::Drop, |probe| {
            probe.end(&samples::plain(FEW));
            Ok(())
        }),
        (Rule::BehindAProvider, behind_a_provider),
    ]
}

fn name<P: SpanProcessor>(probe: &Probe<P>) -> Verdict {
    let name = |probe: &Probe<P>| probe.call("name", |sink| sink.name().to_owned());
    let first = name(probe);
    if first.trim().is_empty() {
        return Err("its name is empty".to_owned());
    }
    takes(probe, &samples::plain(5))?;
    let second = name(probe);
    if first == second { Ok(()) } else { Err(format!("its name was {first:?}, then {second:?}")) }
}

fn nothing_received<P: SpanProcessor>(probe: &Probe<P>) -> Verdict {
    succeeds("a flush without spans", probe.flush(LONG))?;
    succeeds("a shutdown without spans", probe.shut_down(LONG))
}

/// Takes the spans, some at a time, and flushes well.
fn takes<P: SpanProcessor>(probe: &Probe<P>, spans: &[FinishedSpan]) -> Verdict {
    for some in spans.chunks(50) {
        probe.end(some);
        succeeds("a flush after these spans", probe.flush(LONG))?;
    }
    Ok(())
}

/// Gives spans and flushes.
fn given<P: SpanProcessor>(probe: &Probe<P>) -> Result<Vec<FinishedSpan>, String> {
    let spans = samples::plain(FEW);
    probe.end(&spans);
    succeeds("a flush after these spans", probe.flush(LONG))?;
    Ok(spans)
}

/// Runs work in several threads; a panic in one goes on here.
fn in_threads(work: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                scope.spawn({
                    let work = &work;
                    move || work(number)
                })
            })
            .collect();
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// The spans that a thread gives, other than those of other threads.
fn of_thread(number: usize, count: usize) -> Vec<FinishedSpan> {
    samples::others(number as u32 + 1, count)
}

fn many_threads<P: SpanProcessor>(probe: &Probe<P>) -> Verdict {
    in_threads(|number| probe.end(&of_thread(number, FEW / THREADS)));
    succeeds("a flush after these spans", probe.flush(LONG))?;
    let given: Vec<_> = (0..THREADS).flat_map(|number| of_thread(number, FEW / THREADS)).collect();
    probe.has_all(&given)?;
    stats(probe)
}

fn flush_returns<P: SpanProcessor>(probe: &Probe<P>) -> Verdict {
    for timeout in [Duration::ZERO, Duration::from_nanos(1), Duration::from_millis(5)] {
        probe.end(&samples::plain(20));
        // It may say that the time was too short.
        let _ = probe.flush(timeout);
    }
    succeeds("a flush for as long as it takes", probe.flush(Duration::MAX))
}

fn flush_delivers<P: SpanProcessor>(probe: &Probe<P>) -> Verdict {
    for set in 0..3 {
        let spans = samples::others(set, FEW);
        probe.end(&spans);
        succeeds("a flush after these spans", probe.flush(LONG))?;
        probe.has_all(&spans)?;
        if let Some(stats) = probe.counted()
            && stats.queued > 0
        {
            return Err(format!("{} spans are queued after a flush that succeeded", stats.queued));
        }
    }
    Ok(())
}

fn nothing_lost<P: SpanProcessor>(probe: &Probe<P>) -> Verdict {
    let spans = given(probe)?;
    probe.has_all(&spans)?;
    match probe.counted() {
        Some(stats) if stats.dropped > 0 => {
            let why = stats.last_error.unwrap_or_else(|| "it does not say why".to_owned());
            Err(format!("it dropped {} of {FEW} spans: {why}", stats.dropped))
        }
        Some(stats) if stats.received < FEW as u64 => {
            Err(format!("it received {FEW} spans and counts {}", stats.received))
        }
        _ => Ok(()),
    }
}

/// Checks that the processor's statistics add up.
fn stats<P: SpanProcessor>(probe: &Probe<P>) -> Verdict {
    let Some(stats) = probe.counted() else { return Ok(()) };
    let (received, delivered) = (stats.received, stats.delivered);
    let (dropped, filtered, queued) = (stats.dropped, stats.filtered, stats.queued);
    if received == delivered + dropped + filtered + queued {
        return Ok(());
    }
    Err(format!(
        "it counts {received} spans received, but {delivered} delivered, {dropped} dropped, \
         {filtered} filtered and {queued} queued"
    ))
}

fn stats_add_up<P: SpanProcessor>(probe: &Probe<P>) -> Verdict {
    probe.end(&samples::plain(FEW));
    succeeds("a flush after these spans", probe.flush(LONG))?;
    stats(probe)?;
    // More than there may be room for, which a flush may say.
    in_threads(|number| probe.end(&of_thread(number, 1_000)));
    let _ = probe.flush(LONG);
    stats(probe)?;
    let _ = probe.shut_down(LONG);
    stats(probe)
}

fn half_seen<P: SpanProcessor>(probe: &Probe<P>) -> Verdict {
    // Ends whose starts came before the processor was there.
    probe.end(&samples::plain(20));
    // Starts whose ends it never hears of.
    for span in of_thread(1, 20) {
        probe.start(&span.started());
    }
    succeeds("a flush with open spans", probe.flush(LONG))?;
    succeeds("a shutdown with open spans", probe.shut_down(LONG))
}

fn while_spans_end<P: SpanProcessor>(probe: &Probe<P>) -> Verdict {
    in_threads(|number| {
        for _ in 0..20 {
            probe.end(&of_thread(number, 10));
            if number % 2 == 0 {
                let _ = probe.flush(LONG);
            }
        }
    });
    in_threads(|number| {
        probe.end(&of_thread(number, 10));
        let _ = probe.shut_down(LONG);
    });
    stats(probe)
}

fn shutdown_twice<P: SpanProcessor>(probe: &Probe<P>) -> Verdict {
    probe.end(&samples::plain(FEW));
    succeeds("a shutdown", probe.shut_down(LONG))?;
    // Whatever it says to the second, it must say something.
    let _ = probe.shut_down(LONG);
    let _ = probe.shut_down(Duration::ZERO);
    Ok(())
}

fn after_shutdown<P: SpanProcessor>(probe: &Probe<P>) -> Verdict {
    given(probe)?;
    succeeds("a shutdown", probe.shut_down(LONG))?;
    let before = (probe.counted().map(|stats| stats.delivered), probe.delivered());
    probe.end(&of_thread(0, FEW));
    let _ = probe.flush(LONG);
    stats(probe)?;
    let after = (probe.counted().map(|stats| stats.delivered), probe.delivered());
    if before.0 != after.0 {
        return Err(format!(
            "it counts spans that ended after its shutdown as delivered: {after:?}",
            after = after.0
        ));
    }
    let count = |delivered: Option<Vec<_>>| delivered.map_or(0, |spans| spans.len());
    let more = count(after.1).saturating_sub(count(before.1));
    if more > 0 {
        Err(format!("it delivered {more} spans that ended after its shutdown"))
    } else {
        Ok(())
    }
}

fn behind_a_provider<P: SpanProcessor>(probe: &Probe<P>) -> Verdict {
    const CALLS: usize = 30;
    let sink: Arc<P> = probe.shared();
    let provider = TracerProvider::builder().with(sink).build();
    probe.call("a workflow under a provider", |_| {
        provider.run(|| {
            for number in 0..CALLS {
                trace("nightly").in_span(|| {
                    let tool = Component::tool("parse");
                    let _ =
                        tool.traced("run").with("number", number).try_in_span(|| "x".parse::<u8>());
                    tool.in_span("check", || ());
                });
            }
        });
    });
    let flushed = probe.call("a provider's flush", |_| provider.force_flush(LONG));
    succeeds("the provider's flush", flushed)?;
    let stats = provider.stats();
    let shown = stats.processors.first().cloned().unwrap_or_default();
    if shown.panics > 0 {
        let said = shown.last_error.unwrap_or_default();
        return Err(format!(
            "{} of the provider's calls to it panicked; the last {said}",
            shown.panics
        ));
    }
    if shown.dropped > 0 {
        return Err(format!("{} of {} spans were dropped", shown.dropped, 3 * CALLS));
    }
    if let Some(delivered) = probe.delivered()
        && delivered.len() < 3 * CALLS
    {
        return Err(format!("{} of {} spans were delivered", delivered.len(), 3 * CALLS));
    }
    let ended = probe.call("a provider's shutdown", |_| provider.shutdown(LONG));
    succeeds("the provider's shutdown", ended)
}
