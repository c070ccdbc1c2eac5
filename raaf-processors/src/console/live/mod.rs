//! The live view, redrawn while spans run.

mod running;
#[cfg(feature = "live")]
mod screen;
#[cfg(not(feature = "live"))]
#[path = "no_screen.rs"]
mod screen;
#[cfg(all(test, feature = "live"))]
mod tests;

use std::time::Duration;

use raaf_trace_core::clock::{Clock, Ticks};
use raaf_trace_model::{
    id::SpanId,
    span::{FinishedSpan, StartedSpan},
};

use self::running::Running;
pub(super) use self::screen::Screen;
use super::paint::Paint;

/// Interval between two checks of the worker.
const PERIOD: Duration = Duration::from_millis(100);
/// Shortest time between two drawings; less than the interval, which is not exact to the
/// millisecond.
const PAUSE: Duration = Duration::from_millis(80);
/// Largest number of lines drawn.
const LINES: usize = 20;

/// Live view. The console's worker owns it, so traced threads never draw.
pub(super) struct Live {
    screen: Screen,
    paint: Paint,
    clock: Clock,
    running: Running,
    drawn_at: Option<Ticks>,
    /// True while the view is on the screen.
    is_visible: bool,
}

impl Live {
    pub(super) fn new(screen: Screen, color: Option<bool>, clock: Clock) -> Self {
        let paint = Paint { color: color.unwrap_or_else(|| screen.has_color()) };
        let running = Running::default();
        Self { screen, paint, clock, running, drawn_at: None, is_visible: false }
    }

    /// Longest time that the worker may sleep; `None` if nothing runs.
    pub(super) fn patience(&self) -> Option<Duration> {
        (!self.running.is_empty() || self.is_visible).then_some(PERIOD)
    }

    pub(super) fn started(&mut self, span: Box<StartedSpan>, at: Ticks) {
        self.running.start(span, at);
    }

    pub(super) fn ended(&mut self, span: &FinishedSpan) {
        self.running.end(span);
    }

    pub(super) fn lost(&mut self, span: SpanId) {
        self.running.take(span);
    }

    /// Clears the screen for a tree that is about to be written.
    pub(super) fn make_room(&mut self) {
        if self.is_visible {
            self.screen.show(String::new());
            self.is_visible = false;
        }
    }

    /// Draws the running spans if a drawing is due, or in any case with `now`.
    pub(super) fn refresh(&mut self, now: bool) {
        let time = self.clock.now();
        let is_early = |drawn| self.clock.between(drawn, time) < PAUSE;
        if !now && self.drawn_at.is_some_and(is_early) {
            return;
        }
        if self.running.is_empty() {
            return self.make_room();
        }
        let (rows, columns) = self.screen.size();
        // Leaves one row for the line above, and one column against wrapping.
        let (rows, columns) = (rows.saturating_sub(1).clamp(1, LINES), columns.saturating_sub(1));
        let elapsed = |since| self.clock.between(since, time);
        self.screen.show(self.running.draw(rows, columns, self.paint, elapsed));
        self.is_visible = true;
        self.drawn_at = Some(time);
    }

    /// Clears the view.
    pub(super) fn end(&mut self) {
        self.make_room();
        self.screen.end();
    }
}
