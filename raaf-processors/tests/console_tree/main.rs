//! Output of the console sink, word by word.

#![cfg(feature = "console")]

mod bounds;
mod details;
mod lines;
mod shape;
#[path = "../support/mod.rs"]
mod support;

use raaf_trace_core::{Attributes, current_span};

/// Adds an event to the current span.
fn event(name: &'static str, set: impl FnOnce(&mut Attributes)) {
    if let Some(span) = current_span() {
        span.add_event(name, set);
    }
}
