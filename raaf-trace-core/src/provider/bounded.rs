//! Bounded waits for user code that blocks, on a separate thread.

use std::{
    future::poll_fn,
    io,
    sync::{Arc, Mutex, mpsc},
    task::{Poll, Waker},
    thread,
    time::Duration,
};

use raaf_trace_model::sink::ProcessorError;

use crate::{
    base::{panics, sync::lock},
    provider::{FlushError, SinkFailure},
};

/// Runs `work` on a thread of its own and waits for at most `timeout`; `None` if it took longer, or
/// if no thread could be started. Work that takes longer continues unobserved.
pub(crate) fn run<R: Send + 'static>(
    timeout: Duration,
    work: impl FnOnce() -> R + Send + 'static,
) -> Option<R> {
    let (sender, receiver) = mpsc::sync_channel(1);
    spawn(move || drop(sender.send(work()))).ok()?;
    receiver.recv_timeout(timeout).ok()
}

/// Runs work that keeps its own timeout on a thread of its own; the future only waits for it.
pub(crate) async fn off_thread(
    work: impl FnOnce() -> Result<(), FlushError> + Send + 'static,
) -> Result<(), FlushError> {
    let answer = Arc::new(Mutex::new((None, None::<Waker>)));
    let waiting = Arc::clone(&answer);
    let body = move || {
        let outcome = panics::caught(work)
            .unwrap_or_else(|panic| not_run(format!("the flush panicked: {panic}")));
        let mut answer = lock(&answer);
        answer.0 = Some(outcome);
        let waker = answer.1.take();
        drop(answer);
        if let Some(waker) = waker {
            waker.wake();
        }
    };
    if let Err(error) = spawn(body) {
        return not_run(format!("no thread to flush in: {error}"));
    }
    poll_fn(|context| {
        let mut answer = lock(&waiting);
        if let Some(outcome) = answer.0.take() {
            return Poll::Ready(outcome);
        }
        answer.1 = Some(context.waker().clone());
        Poll::Pending
    })
    .await
}

fn spawn(body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("raaf-flush".to_owned()).spawn(body).map(drop)
}

fn not_run(message: String) -> Result<(), FlushError> {
    let error = ProcessorError::Failed { message, dropped: 0 };
    FlushError::check(vec![SinkFailure::new("flush".to_owned(), error)])
}
