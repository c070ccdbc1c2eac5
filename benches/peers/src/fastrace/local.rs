//! fastrace's local spans: its fastest form, for code that stays in one thread.

use fastrace::local::LocalSpan;

use raaf_benches::{
    facts::{Facts, SPAN, Says},
    tool::{Setup, Tool},
};

use super::{base, four, install, late, root, strings};

/// A root [`Span`](fastrace::Span) and [`LocalSpan`]s below it.
#[derive(Debug)]
pub(crate) struct FastraceLocal {
    sampled: bool,
}

impl Tool for FastraceLocal {
    const NAME: &'static str = "fastrace, local";

    type Part = Facts;
    type Span = ();

    fn start(setup: &Setup) -> Option<Self> {
        install(setup).map(|sampled| Self { sampled })
    }

    fn part(&self, facts: Facts, _: Option<&Facts>) -> Facts {
        facts
    }

    fn span<R>(
        &self,
        parent: Option<&()>,
        part: &Facts,
        says: Says,
        work: impl FnOnce(&()) -> R,
    ) -> R {
        if parent.is_none() {
            let span = root(part, says, self.sampled);
            let _guard = span.set_local_parent();
            return work(&());
        }
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
