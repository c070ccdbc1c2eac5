//! Formats events of spans.

use std::fmt::{self, Display};

use raaf_trace_model::{
    keys,
    span::{Event, FinishedSpan},
};

use super::text::push_fitted;

/// Largest width of a name in a line about a span.
const NAME: usize = 24;

/// Appends what changed the course of the call, in few words: the model that was called instead, and
/// what hooks did.
pub(super) fn push_changes(out: &mut String, span: &FinishedSpan) {
    let fallback = span.events().rev().find(|event| event.name() == "fallback");
    if let Some(to) = fallback.and_then(|event| event.attributes().get(keys::FALLBACK_TO)) {
        out.push_str("→ ");
        push_fitted(out, NAME, to);
    }
    let mut hooks = span.events().filter(|event| event.name() == "hook");
    let Some(hook) = hooks.next() else { return };
    if !out.is_empty() {
        out.push_str("  ");
    }
    let more = hooks.count();
    if more > 0 {
        push_fitted(out, NAME, format_args!("{} hooks acted", more + 1));
        return;
    }
    out.push_str("hook");
    for key in [keys::HOOK_POINT, keys::HOOK_ACTION] {
        if let Some(word) = hook.attributes().get(key) {
            out.push(' ');
            push_fitted(out, NAME, word);
        }
    }
}

/// Returns the events that say more than the span's line: all but the error, which that shows.
pub(super) fn told(span: &FinishedSpan) -> impl Iterator<Item = &Event> + Clone {
    let failed = span.error().is_some();
    span.events().filter(move |event| !(failed && event.name() == "exception"))
}

/// An event as `event log: level = DEBUG, target = sqlx::query`.
pub(super) struct Described<'a>(pub(super) &'a Event);

impl Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {}", self.0.name())?;
        for (number, (key, value)) in self.0.attributes().iter().enumerate() {
            write!(f, "{} {key} = {value}", if number == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}
