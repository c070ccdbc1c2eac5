//! Thread that serves metrics, and updates those of an application's recorder.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{runtime, sync::oneshot, time};

use super::{
    server::{self, Door},
    shared::Shared,
};

/// Interval at which the metrics that no span updates go to an application's recorder.
/// Rendered metrics are always current.
const REFRESH: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Worker {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Worker {
    pub(super) fn start(shared: Arc<Shared>, door: Option<Door>) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let run = move || {
            if let Some(door) = door {
                runtime.spawn(server::serve(door, Arc::clone(&shared)));
            }
            runtime.block_on(tend(&shared, stopped));
        };
        let thread = thread::Builder::new().name("raaf-prometheus".to_owned()).spawn(run)?;
        Ok(Self { stop, thread })
    }

    /// Ends the thread and closes the endpoint.
    pub(super) fn stop(self) {
        let _ = self.stop.send(());
        // The thread itself may be the last to let go of a provider, and with it of the sink.
        if self.thread.thread().id() != thread::current().id() {
            let _ = self.thread.join();
        }
    }
}

async fn tend(shared: &Shared, mut stopped: oneshot::Receiver<()>) {
    while time::timeout(REFRESH, &mut stopped).await.is_err() {
        shared.refresh();
    }
}
