//! Detects two sinks of this program that write to one file.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use raaf_trace_core::diagnostics::{self, Category};

/// The files that sinks of this program write to, once for each sink.
static CLAIMED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Registration of a sink as a writer of a file, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim(PathBuf);

impl Claim {
    /// Registers a writer of the file, which exists. A second writer is reported, but allowed.
    pub(super) fn new(path: &Path) -> Self {
        let file = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut claimed = lock();
        let others = claimed.iter().filter(|other| **other == file).count();
        claimed.push(file.clone());
        drop(claimed);
        if others == 1 {
            let path = path.display();
            let text = format_args!(
                "two file sinks write to `{path}`, so it has each span that both receive twice; \
                 remove one of them, or give it another path"
            );
            diagnostics::warn(Category::Tracing, text);
        }
        Self(file)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claimed = lock();
        if let Some(own) = claimed.iter().position(|file| *file == self.0) {
            claimed.swap_remove(own);
        }
    }
}

fn lock() -> MutexGuard<'static, Vec<PathBuf>> {
    CLAIMED.lock().unwrap_or_else(PoisonError::into_inner)
}
