//! Notices two sinks of this program that write to one file.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use raaf_trace_core::diagnostics::{self, Category};

/// The files that sinks of this program write to, once for each sink.
static CLAIMED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// One sink's use of a file, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim(PathBuf);

impl Claim {
    /// Claims the file, which exists. The second sink to do so is reported, and may go on.
    pub(super) fn new(path: &Path) -> Self {
        let file = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut claimed = lock();
        let others = claimed.iter().filter(|other| **other == file).count();
        claimed.push(file.clone());
        drop(claimed);
        if others == 1 {
            let path = path.display();
            let text = format_args!(
                "two file sinks write to `{path}`: a span that both receive is in it twice. Remove \
                 one of them, or give it another path"
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
