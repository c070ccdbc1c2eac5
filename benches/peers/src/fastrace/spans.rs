//! fastrace's spans that can go to other threads and into futures.

use fastrace::{Span, future::FutureExt as _};

use raaf_benches::{
    facts::{Facts, SPAN, Says},
    tool::{AsyncTool, Setup, Task, Tool},
};

use super::{filled, install, root};

/// [`Span`]s throughout, each made with its parent at hand, which is the cheapest way.
#[derive(Debug)]
pub(crate) struct FastraceSpans {
    sampled: bool,
}

impl Tool for FastraceSpans {
    const NAME: &'static str = "fastrace, spans";

    type Part = Facts;
    type Span = Span;

    fn start(setup: &Setup) -> Option<Self> {
        install(setup).map(|sampled| Self { sampled })
    }

    fn part(&self, facts: Facts, _: Option<&Facts>) -> Facts {
        facts
    }

    fn span<R>(
        &self,
        parent: Option<&Span>,
        part: &Facts,
        says: Says,
        work: impl FnOnce(&Span) -> R,
    ) -> R {
        work(&match parent {
            None => root(part, says, self.sampled),
            Some(parent) => filled(Span::enter_with_parent(SPAN, parent), part, says),
        })
    }

    fn flush(&self) {
        fastrace::flush();
    }
}

impl AsyncTool for FastraceSpans {
    fn task<F: Task>(
        &self,
        is_root: bool,
        part: &'static Facts,
        work: F,
    ) -> impl Task<Output = F::Output> {
        work.in_span(if is_root {
            root(part, Says::Four, self.sampled)
        } else {
            filled(Span::enter_with_local_parent(SPAN), part, Says::Four)
        })
    }
}
