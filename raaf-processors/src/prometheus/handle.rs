//! Reads metrics without the endpoint.

use std::{fmt, net::SocketAddr, sync::Arc};

use super::{format::Format, shared::Shared};

/// Reads the metrics of a [`PrometheusSink`](super::PrometheusSink), also after the sink was added
/// to a provider. Clones read the same sink.
#[derive(Clone)]
pub struct PrometheusHandle(pub(super) Arc<Shared>);

impl PrometheusHandle {
    /// Renders all metrics in Prometheus' text format, for an endpoint of the application. Empty if
    /// the application's recorder has the metrics.
    ///
    /// Takes time proportional to the number of metrics; do not call it in the thread of a span.
    pub fn render(&self) -> String {
        self.0.render(Format::Text)
    }

    /// Renders all metrics in the format `OpenMetrics` 1.0
    /// (`application/openmetrics-text; version=1.0.0`), whose buckets have exemplars: the last span
    /// of each. Empty if the application's recorder has the metrics.
    pub fn render_openmetrics(&self) -> String {
        self.0.render(Format::OpenMetrics)
    }

    /// Returns the address that metrics are served at; `None` without an endpoint, while its
    /// address is in use, and after the shutdown.
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.address()
    }
}

impl fmt::Debug for PrometheusHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrometheusHandle").field("address", &self.address()).finish_non_exhaustive()
    }
}
