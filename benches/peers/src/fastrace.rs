//! fastrace, in its two forms.

mod local;
mod record;
mod spans;

use std::borrow::Cow;

use fastrace::{
    Span,
    collector::{Config, SpanContext},
};

use raaf_benches::{
    facts::{Facts, SPAN, Says, answer, keys, question},
    tool::{Off, Setup},
};

pub(crate) use local::FastraceLocal;
pub(crate) use spans::FastraceSpans;

/// A property as fastrace holds it: text, however it began.
type Property = (&'static str, Cow<'static, str>);

/// Installs the reporter and returns whether traces are sampled; `None` for what fastrace does not
/// have.
fn install(setup: &Setup) -> Option<bool> {
    // Its one switch is a feature of the crate, for which the program is built anew.
    if setup.own_file || setup.off == Some(Off::Switch) {
        return None;
    }
    let report = record::Report(setup.collector.clone());
    fastrace::set_reporter(report, Config::default());
    Some(setup.off != Some(Off::Unsampled))
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
