//! Errors of building the sink.

use std::{io, net::SocketAddr};

use raaf_trace_model::environment::SettingsError;

/// Error of building a [`PrometheusSink`](super::PrometheusSink).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrometheusError {
    /// The address cannot be bound, usually because another program uses it. Choose another one
    /// with [`address`](super::PrometheusBuilder::address) or `RAAF_TRACE_PROMETHEUS_ADDR`.
    #[error("cannot serve metrics at {address}: {source}")]
    Address {
        /// Requested address of the endpoint.
        address: SocketAddr,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The sink's thread could not be started.
    #[error("cannot start the thread for metrics: {0}")]
    Thread(io::Error),
    /// The list of buckets is empty, or its bounds are not finite and increasing.
    #[error(
        "the list of buckets is invalid; expected at least one number, all finite and strictly increasing"
    )]
    Buckets,
    /// A limit given in code is outside its bounds. Correct it.
    #[error(transparent)]
    Setting(#[from] SettingsError),
}
