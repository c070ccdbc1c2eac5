//! fastrace's spans that can go to other threads and into futures.

use fastrace::{Span, future::FutureExt as _};

use super::{base, four, install, late, root, strings};
use crate::{
    facts::{Facts, SPAN, Says},
    tool::{AsyncTool, Setup, Tool},
};

/// [`Span`]s throughout, each made with its parent at hand, which is the cheapest way.
#[derive(Debug)]
pub struct FastraceSpans {
    sampled: bool,
}

impl Tool for FastraceSpans {
    type Part = Facts;
    type Span = Span;

    fn start(setup: &Setup) -> Option<Self> {
        install(setup).map(|sampled| Self { sampled })
    }

    fn part(&self, facts: Facts, _: Option<&Facts>) -> Facts {
        facts
    }

    fn root<R>(&self, part: &Facts, says: Says, work: impl FnOnce(&Span) -> R) -> R {
        let span = root(part, says, self.sampled);
        if says == Says::Late {
            span.add_properties(|| late(part));
        }
        work(&span)
    }

    fn child<R>(
        &self,
        parent: &Span,
        part: &Facts,
        says: Says,
        work: impl FnOnce(&Span) -> R,
    ) -> R {
        let span = Span::enter_with_parent(SPAN, parent);
        let span = match says {
            Says::Nothing => span,
            Says::Four => span.with_properties(|| four(part)),
            Says::Late => span.with_properties(|| base(part)),
            Says::Strings => span.with_properties(|| strings(part)),
        };
        if says == Says::Late {
            span.add_properties(|| late(part));
        }
        work(&span)
    }

    fn flush(&self) {
        fastrace::flush();
    }
}

impl AsyncTool for FastraceSpans {
    fn root_async<F>(
        &self,
        part: &'static Facts,
        work: F,
    ) -> impl Future<Output = F::Output> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static,
    {
        work.in_span(root(part, Says::Four, self.sampled))
    }

    fn child_async<F>(
        &self,
        part: &'static Facts,
        work: F,
    ) -> impl Future<Output = F::Output> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static,
    {
        work.in_span(Span::enter_with_local_parent(SPAN).with_properties(|| four(part)))
    }
}
