//! The region of a terminal that is redrawn.

use std::{fmt, io, sync::Arc};

use anstream::{AutoStream, ColorChoice};
use console_term::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle, TermLike};

/// Highest redraw rate, in draws per second. Set higher than the worker's own rate, because a draw
/// that `indicatif` skips would leave the screen wrong.
const RATE: u8 = u8::MAX;

/// Lines at the bottom of a terminal. Clones refer to the same lines.
#[derive(Clone)]
pub(in super::super) struct Screen {
    /// A progress bar without a bar; its message holds the lines.
    bar: ProgressBar,
    terminal: Arc<dyn TermLike>,
    has_color: bool,
}

impl Screen {
    /// Creates a screen on standard error, if that is a terminal that can be drawn on.
    pub(in super::super) fn stderr() -> Option<Self> {
        let terminal = Term::buffered_stderr();
        let target = ProgressDrawTarget::term(terminal.clone(), RATE);
        let has_color = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
        (!target.is_hidden()).then(|| Self::new(target, Arc::new(terminal), has_color))
    }

    /// Creates a screen on any terminal.
    #[cfg(test)]
    pub(super) fn of<T: TermLike + Clone + 'static>(terminal: T) -> Self {
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        Self::new(target, Arc::new(terminal), false)
    }

    fn new(target: ProgressDrawTarget, terminal: Arc<dyn TermLike>, has_color: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, target).with_finish(ProgressFinish::AndClear);
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self { bar, terminal, has_color }
    }

    /// Returns the default for colours on this terminal.
    pub(super) fn has_color(&self) -> bool {
        self.has_color
    }

    /// Returns rows and columns.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.terminal.height().into(), self.terminal.width().into())
    }

    /// Replaces the drawn lines by these.
    pub(super) fn show(&self, text: String) {
        self.bar.set_message(text);
    }

    /// Clears the lines and stops drawing.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Clears the lines, runs `print` and draws them again.
    pub(in super::super) fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        self.bar.suspend(print)
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").finish_non_exhaustive()
    }
}
