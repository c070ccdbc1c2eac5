//! fastrace, in its two forms.

use std::{
    borrow::Cow,
    time::{Duration, UNIX_EPOCH},
};

use fastrace::{
    Span,
    collector::{Config, Reporter, SpanContext, SpanRecord},
    future::FutureExt as _,
    local::LocalSpan,
};

use raaf_benches::{
    collector::{Collector, Finished},
    facts::{Facts, SPAN, Says, answer, keys, question},
    tool::{AsyncTool, Off, Setup, Task, Tool},
};

/// A property as fastrace holds it: text, however it began.
type Property = (&'static str, Cow<'static, str>);

/// A root [`Span`] and [`LocalSpan`]s below it: its fastest form, for code that stays in one thread.
#[derive(Debug)]
pub(crate) struct FastraceLocal {
    sampled: bool,
}

/// [`Span`]s throughout, which can go to other threads and into futures, each made with its parent
/// at hand, which is the cheapest way.
#[derive(Debug)]
pub(crate) struct FastraceSpans {
    sampled: bool,
}

impl Tool for FastraceLocal {
    const NAME: &'static str = "fastrace, local";

    type Part = Facts;
    type Span = ();

    fn start(setup: &Setup) -> Option<Self> {
        install(setup).map(|sampled| Self { sampled })
    }

    fn span(&self, parent: Option<&()>, facts: &Facts, says: Says, work: impl FnOnce(&())) {
        if parent.is_none() {
            let span = root(facts, says, self.sampled);
            let _guard = span.set_local_parent();
            return work(&());
        }
        let span = LocalSpan::enter_with_local_parent(SPAN);
        let _span = match says {
            Says::Nothing => span,
            Says::Four => span.with_properties(|| four(facts)),
            Says::Late => span.with_properties(|| base(facts)),
            Says::Strings => span.with_properties(|| strings(facts)),
        };
        if says == Says::Late {
            LocalSpan::add_properties(|| late(facts));
        }
        work(&());
    }

    fn flush(&self) {
        fastrace::flush();
    }
}

impl Tool for FastraceSpans {
    const NAME: &'static str = "fastrace, spans";

    type Part = Facts;
    type Span = Span;

    fn start(setup: &Setup) -> Option<Self> {
        install(setup).map(|sampled| Self { sampled })
    }

    fn span(&self, parent: Option<&Span>, facts: &Facts, says: Says, work: impl FnOnce(&Span)) {
        work(&match parent {
            None => root(facts, says, self.sampled),
            Some(parent) => filled(Span::enter_with_parent(SPAN, parent), facts, says),
        });
    }

    fn flush(&self) {
        fastrace::flush();
    }
}

impl AsyncTool for FastraceSpans {
    fn task(&self, is_root: bool, facts: &'static Facts, work: impl Task) -> impl Task {
        work.in_span(if is_root {
            root(facts, Says::Four, self.sampled)
        } else {
            filled(Span::enter_with_local_parent(SPAN), facts, Says::Four)
        })
    }
}

/// Installs the reporter and returns whether traces are sampled; `None` for what fastrace does not
/// have.
fn install(setup: &Setup) -> Option<bool> {
    // Its one switch is a feature of the crate, for which the program is built anew.
    if setup.off == Some(Off::Switch) {
        return None;
    }
    fastrace::set_reporter(Report(setup.collector.clone()), Config::default());
    Some(setup.off != Some(Off::Unsampled))
}

/// A reporter that hands spans to the collector.
struct Report(Collector);

impl Reporter for Report {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        self.0.take(spans.iter().map(|span| Finished {
            trace: span.trace_id.0,
            span: span.span_id.0,
            parent: span.parent_id.0,
            name: &*span.name,
            start: UNIX_EPOCH + Duration::from_nanos(span.begin_time_unix_ns),
            duration: Duration::from_nanos(span.duration_ns),
            attributes: span.properties.iter().map(|(key, value)| (key, value)),
        }));
    }
}

/// A root span.
#[inline]
fn root(facts: &Facts, says: Says, sampled: bool) -> Span {
    filled(Span::root(SPAN, SpanContext::random().sampled(sampled)), facts, says)
}

/// The span with all that it has to say.
#[inline]
fn filled(span: Span, facts: &Facts, says: Says) -> Span {
    match says {
        Says::Nothing => span,
        Says::Four => span.with_properties(|| four(facts)),
        Says::Late => {
            let span = span.with_properties(|| base(facts));
            span.add_properties(|| late(facts));
            span
        }
        Says::Strings => span.with_properties(|| strings(facts)),
    }
}

#[inline]
fn base(facts: &Facts) -> [Property; 2] {
    [(keys::TYPE, facts.kind().word().into()), (keys::NAME, facts.name().into())]
}

#[inline]
fn late(facts: &Facts) -> [Property; 2] {
    [
        (keys::NUMBER, facts.number().to_string().into()),
        (keys::EXACT, facts.exact().to_string().into()),
    ]
}

#[inline]
fn four(facts: &Facts) -> [Property; 4] {
    let ([kind, name], [number, exact]) = (base(facts), late(facts));
    [kind, name, number, exact]
}

#[inline]
fn strings(facts: &Facts) -> [Property; 4] {
    let [kind, name] = base(facts);
    [
        kind,
        name,
        (keys::QUESTION, question().to_owned().into()),
        (keys::ANSWER, answer().to_owned().into()),
    ]
}
