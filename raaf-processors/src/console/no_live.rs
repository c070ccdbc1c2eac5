//! Stand-in for the live view when the feature `live` is off.

use std::time::Duration;

use raaf_trace_core::{Clock, Ticks};
use raaf_trace_model::{
    id::SpanId,
    span::{FinishedSpan, StartedSpan},
};

/// A screen that there is not.
#[derive(Clone)]
pub(super) enum Screen {}

impl Screen {
    pub(super) fn suspend<R>(&self, _: impl FnOnce() -> R) -> R {
        match *self {}
    }
}

/// A view that there is not.
pub(super) enum Live {}

impl Live {
    #[allow(clippy::needless_pass_by_value, reason = "as the one that draws takes it")]
    pub(super) fn new(screen: Screen, _: Option<bool>, _: Clock) -> Self {
        match screen {}
    }

    pub(super) fn patience(&self) -> Option<Duration> {
        match *self {}
    }

    pub(super) fn started(&mut self, _: Box<StartedSpan>, _: Ticks) {
        match *self {}
    }

    pub(super) fn ended(&mut self, _: &FinishedSpan) {
        match *self {}
    }

    pub(super) fn lost(&mut self, _: SpanId) {
        match *self {}
    }

    pub(super) fn make_room(&mut self) {
        match *self {}
    }

    pub(super) fn refresh(&mut self, _: bool) {
        match *self {}
    }

    pub(super) fn end(&mut self) {
        match *self {}
    }
}
