//! fastrace's local spans: its fastest form, for code that stays in one thread.

use fastrace::local::LocalSpan;

use super::{base, four, install, late, root, strings};
use crate::{
    facts::{Facts, SPAN, Says},
    tool::{Setup, Tool},
};

/// A root [`Span`](fastrace::Span) and [`LocalSpan`]s below it.
#[derive(Debug)]
pub struct FastraceLocal {
    sampled: bool,
}

impl Tool for FastraceLocal {
    type Part = Facts;
    type Span = ();

    fn start(setup: &Setup) -> Option<Self> {
        install(setup).map(|sampled| Self { sampled })
    }

    fn part(&self, facts: Facts, _: Option<&Facts>) -> Facts {
        facts
    }

    fn root<R>(&self, part: &Facts, says: Says, work: impl FnOnce(&()) -> R) -> R {
        let span = root(part, says, self.sampled);
        let _guard = span.set_local_parent();
        if says == Says::Late {
            span.add_properties(|| late(part));
        }
        work(&())
    }

    fn child<R>(&self, (): &(), part: &Facts, says: Says, work: impl FnOnce(&()) -> R) -> R {
        let span = LocalSpan::enter_with_local_parent(SPAN);
        let _span = match says {
            Says::Nothing => span,
            Says::Four => span.with_properties(|| four(part)),
            Says::Late => span.with_properties(|| base(part)),
            Says::Strings => span.with_properties(|| strings(part)),
        };
        if says == Says::Late {
            LocalSpan::add_properties(|| late(part));
        }
        work(&())
    }

    fn flush(&self) {
        fastrace::flush();
    }
}
