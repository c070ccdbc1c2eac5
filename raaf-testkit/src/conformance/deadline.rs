//! Runs calls that may hang or panic.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use super::{
    Rule, Violation,
    probe::{Doing, Probe, Verdict},
};

/// Way in which a rule was broken.
pub(super) struct Broken {
    what: String,
    hung: bool,
}

impl Broken {
    pub(super) fn of(self, rule: Rule) -> Violation {
        Violation { rule, what: self.what, hung: self.hung }
    }
}

/// Runs a check in a thread of its own, which is left behind if it hangs. The sink is dropped in
/// there, too.
pub(super) fn watch<S: Send + Sync + 'static>(
    patience: Duration,
    probe: Probe<S>,
    check: fn(&Probe<S>) -> Verdict,
) -> Result<(), Broken> {
    let doing = probe.doing();
    let broken = |what| Err(Broken { what, hung: false });
    let (done, verdict) = mpsc::channel();
    let work = move || {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let verdict = check(&probe);
            probe.discard();
            verdict
        }));
        let _ = done.send(ended);
    };
    if let Err(error) = thread::Builder::new().name("conformance".to_owned()).spawn(work) {
        return broken(format!("no thread could be started for it: {error}"));
    }
    match verdict.recv_timeout(patience) {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(what))) => broken(what),
        Ok(Err(panic)) => broken(format!("{} panicked: {}", doing.now(), said(&*panic))),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(Broken {
            what: format!("{} did not return within {patience:?}", doing.now()),
            hung: true,
        }),
    }
}

/// Returns the message of a panic.
pub(super) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".to_owned())
}

impl Doing {
    fn now(&self) -> String {
        self.get().unwrap_or_else(|| "making the sink".to_owned())
    }
}
