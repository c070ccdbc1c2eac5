//! Handler of diagnostic lines.

use std::{
    cell::Cell,
    fmt,
    io::{self, Write as _},
    sync::Arc,
};
#[cfg(unix)]
use std::{fs::File, os::fd::AsFd as _};

use arc_swap::ArcSwapOption;

use super::Line;
use crate::base::{panics, process::Calls, suppress};

static HANDLER: ArcSwapOption<Handler> = ArcSwapOption::const_empty();

struct Handler {
    handle: Box<dyn Fn(&Line) + Send + Sync>,
    calls: Calls,
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").finish_non_exhaustive()
    }
}

/// Passes the lines of this process to `handler` instead of writing them to standard error.
///
/// The handler receives the lines that [`configure`](super::configure) or the environment selects.
/// Traced calls inside it make no spans, and lines that it causes itself go to standard error, so a
/// handler never calls itself. A line on which it panics goes to standard error as well, and so
/// does every line of a child that was forked while the handler ran in another thread.
///
/// With the features `log` and `tracing`, `diagnostics::to_log` and `diagnostics::to_tracing` are
/// handlers that pass lines on to these crates.
///
/// # Examples
///
/// To write to a file:
///
/// ```
/// use std::{fs::File, io::Write as _, sync::Mutex};
/// use raaf_trace_core::diagnostics::{self, Category};
///
/// # let path = std::env::temp_dir().join(format!("raaf-lines-{}", std::process::id()));
/// let file = Mutex::new(File::create(&path)?);
/// diagnostics::set_handler(move |line| {
///     if let Ok(mut file) = file.lock() {
///         let _ = writeln!(file, "{line}");
///     }
/// });
///
/// diagnostics::warn(Category::Http, format_args!("no answer"));
/// assert_eq!(std::fs::read_to_string(&path)?, "raaf warn [http] no answer\n");
/// # std::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn set_handler(handler: impl Fn(&Line) + Send + Sync + 'static) {
    let handler = Handler { handle: Box::new(handler), calls: Calls::default() };
    HANDLER.store(Some(Arc::new(handler)));
}

/// Writes lines to standard error again.
pub fn clear_handler() {
    HANDLER.store(None);
}

thread_local! {
    static HANDLING: Cell<bool> = const { Cell::new(false) };
}

/// Passes a line to the handler, or writes it to standard error if there is none.
pub(super) fn emit(line: &Line) {
    struct Restore;
    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = HANDLING.try_with(|handling| handling.set(false));
        }
    }
    // A thread without thread-locals cannot detect recursion.
    let nested = HANDLING.try_with(|handling| handling.replace(true)).unwrap_or(true);
    let _restore = (!nested).then_some(Restore);
    if nested || !is_handled(line) {
        to_standard_error(line);
    }
}

fn is_handled(line: &Line) -> bool {
    let Some(handler) = HANDLER.load_full() else { return false };
    let handle = || suppress::scope(|| panics::caught(|| (handler.handle)(line)));
    matches!(handler.calls.make(handle), Ok(Ok(())))
}

/// Writes a line in one call. Errors are ignored, because they cannot be reported.
pub(super) fn to_standard_error(line: &Line) {
    let line = format!("{line}\n");
    // Not through the lock of the standard library, which a fork may have left locked.
    #[cfg(unix)]
    if let Ok(output) = io::stderr().as_fd().try_clone_to_owned() {
        let _ = File::from(output).write_all(line.as_bytes());
        return;
    }
    // No further file can be opened.
    let _ = io::stderr().write_all(line.as_bytes());
}
