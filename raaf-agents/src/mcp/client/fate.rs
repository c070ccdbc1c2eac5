//! Reasons why a connection ended, or why an answer does not come.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Bound on a line that is quoted, in characters.
const SHOWN: usize = 200;
/// Bound on the end of standard error that is kept, in bytes.
const STDERR: usize = 2_048;

/// Record of a connection's end. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Fate {
    known: Arc<Mutex<Known>>,
    ended: CancellationToken,
}

#[derive(Default)]
struct Known {
    reason: Option<String>,
    /// The last thing that came instead of an answer.
    instead: String,
    stderr: String,
}

impl Fate {
    /// Records a reason, unless there is one.
    pub(super) fn end(&self, reason: impl Into<String>) {
        self.known().reason.get_or_insert_with(|| reason.into());
        self.ended.cancel();
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Records something that came instead of an answer.
    pub(super) fn came(&self, instead: String) {
        self.known().instead = instead;
    }

    /// Adds output of the server to its standard error, of which the end is kept.
    pub(super) fn stderr(&self, text: &str) {
        let mut known = self.known();
        known.stderr.push_str(text);
        if known.stderr.len() > STDERR {
            let cut = known.stderr.len() - STDERR;
            let cut = (cut..=known.stderr.len())
                .find(|&at| known.stderr.is_char_boundary(at))
                .unwrap_or(cut);
            known.stderr.drain(..cut);
        }
    }

    /// Returns the reason of the end, with the end of standard error.
    pub(super) fn reason(&self) -> Option<String> {
        let known = self.known();
        let reason = known.reason.as_ref()?;
        let stderr = known.stderr.trim();
        Some(if stderr.is_empty() {
            reason.clone()
        } else {
            format!("{reason}; it wrote: {stderr}")
        })
    }

    /// Returns the last thing that came instead of an answer; empty if nothing came.
    pub(super) fn instead(&self) -> String {
        self.known().instead.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the start of a line.
pub(super) fn shown(line: &str) -> String {
    let mut shown: String = line.chars().take(SHOWN).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_counts_and_the_end_of_standard_error_is_kept() {
        let fate = Fate::default();
        fate.stderr(&"ä".repeat(STDERR));
        fate.stderr("the end\n");
        assert_eq!(fate.reason(), None);
        fate.end("first");
        fate.end("second");
        let reason = fate.reason().unwrap();
        assert!(
            reason.starts_with("first; it wrote: ä") && reason.ends_with("the end"),
            "{reason}"
        );
        assert!(reason.len() < STDERR + 100);
    }
}
