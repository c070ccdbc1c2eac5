//! Other people's blocking code, kept off the thread that waits for it.

use std::{io, sync::mpsc, thread, time::Duration};

use futures_channel::oneshot;

use crate::provider::{FlushError, SinkFailure};
use raaf_trace_model::sink::ProcessorError;

/// Runs `work` on a thread of its own and waits for at most `timeout`; `None` if it took longer,
/// or if there was no thread to be had. Work that takes longer goes on unwatched.
pub(crate) fn run<R: Send + 'static>(
    timeout: Duration,
    work: impl FnOnce() -> R + Send + 'static,
) -> Option<R> {
    let (sender, receiver) = mpsc::sync_channel(1);
    spawn(move || drop(sender.send(work()))).ok()?;
    receiver.recv_timeout(timeout).ok()
}

/// As [`run`], for work that keeps its own timeout: the future only waits for it.
pub(crate) async fn off_thread(
    work: impl FnOnce() -> Result<(), FlushError> + Send + 'static,
) -> Result<(), FlushError> {
    let (sender, receiver) = oneshot::channel();
    if let Err(error) = spawn(move || drop(sender.send(work()))) {
        return not_run(format!("no thread to flush in: {error}"));
    }
    receiver.await.unwrap_or_else(|_| not_run("the flushing thread ended early".to_owned()))
}

fn spawn(body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("raaf-flush".to_owned()).spawn(body).map(drop)
}

fn not_run(message: String) -> Result<(), FlushError> {
    let error = ProcessorError::Failed { message, dropped: 0 };
    FlushError::check(vec![SinkFailure::new("flush".to_owned(), error)])
}
