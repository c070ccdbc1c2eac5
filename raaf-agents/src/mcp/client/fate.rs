//! Reasons why a connection ended, or why an answer does not come.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::mcp::secrets::Secrets;

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
    /// The last line of standard output that is not a message.
    noise: String,
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

    /// Records a line of the output that is not a message.
    pub(super) fn noise(&self, line: String) {
        let mut known = self.known();
        known.instead = format!("it wrote a line that is not a message: {line}");
        known.noise = line;
    }

    /// Adds output of the server to its standard error, of which the end is kept. Secrets are hidden
    /// before the rest is cut off: a part of one is not recognized.
    pub(super) fn stderr(&self, text: &str, secrets: &Secrets) {
        let mut known = self.known();
        known.stderr.push_str(text);
        if known.stderr.len() > STDERR {
            known.stderr = secrets.hide(&known.stderr);
        }
        if known.stderr.len() > STDERR {
            let cut = known.stderr.len() - STDERR;
            let cut = (cut..=known.stderr.len())
                .find(|&at| known.stderr.is_char_boundary(at))
                .unwrap_or(cut);
            known.stderr.drain(..cut);
        }
    }

    /// Returns the reason of the end, with the end of standard error, or else the last line that was not a
    /// message.
    pub(super) fn reason(&self) -> Option<String> {
        let known = self.known();
        let reason = known.reason.as_ref()?;
        let stderr = known.stderr.trim();
        let wrote = if stderr.is_empty() { &known.noise } else { stderr };
        Some(if wrote.is_empty() { reason.clone() } else { format!("{reason}; it wrote: {wrote}") })
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
        fate.stderr(&"ä".repeat(STDERR), &Secrets::default());
        fate.stderr("the end\n", &Secrets::default());
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

    #[test]
    fn a_server_that_wrote_to_standard_output_only_is_quoted() {
        let fate = Fate::default();
        fate.noise("usage: server --port PORT".to_owned());
        fate.end("ended");
        assert_eq!(fate.reason().unwrap(), "ended; it wrote: usage: server --port PORT");
        fate.stderr("no port\n", &Secrets::default());
        assert_eq!(fate.reason().unwrap(), "ended; it wrote: no port");
    }

    #[test]
    fn a_secret_at_the_cut_is_hidden_whole() {
        let (fate, secrets) = (Fate::default(), Secrets::new(["s3cr3t-token".to_owned()]));
        fate.stderr("key s3cr3t", &secrets);
        fate.stderr("-token", &secrets);
        fate.stderr(&"x".repeat(STDERR - 6), &secrets);
        fate.end("ended");
        let reason = fate.reason().unwrap();
        assert!(!reason.contains("token"), "{reason}");
    }
}
