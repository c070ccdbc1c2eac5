//! State shared by the sink, its handles and its thread.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    format::Format,
    health::Health,
    meters::{Meters, Settings},
    output::{Output, Recording},
};

pub(super) struct Shared {
    pub(super) meters: Meters,
    pub(super) recording: Recording,
    pub(super) health: Health,
    /// True after the shutdown, when no more ends are received.
    over: AtomicBool,
    endpoint: Mutex<Endpoint>,
}

/// State of the endpoint.
#[derive(Debug, Default)]
struct Endpoint {
    address: Option<SocketAddr>,
    problem: Option<String>,
}

impl Shared {
    pub(super) fn new(output: Output, settings: Settings) -> Self {
        Self {
            meters: Meters::new(settings),
            recording: Recording::new(output),
            health: Health::default(),
            over: AtomicBool::new(false),
            endpoint: Mutex::default(),
        }
    }

    /// Updates the metrics that are not updated by spans.
    pub(super) fn refresh(&self) {
        self.meters.report_active(&self.recording, self.over.load(Ordering::Relaxed));
        self.health.report(&self.recording);
    }

    pub(super) fn render(&self, format: Format) -> String {
        self.refresh();
        self.recording.render(format)
    }

    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.refresh();
    }

    pub(super) fn serves_at(&self, address: Option<SocketAddr>, problem: Option<String>) {
        *self.endpoint.lock().unwrap_or_else(PoisonError::into_inner) =
            Endpoint { address, problem };
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.endpoint.lock().unwrap_or_else(PoisonError::into_inner).address
    }

    pub(super) fn problem(&self) -> Option<String> {
        self.endpoint.lock().unwrap_or_else(PoisonError::into_inner).problem.clone()
    }
}
