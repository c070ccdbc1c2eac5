//! Why a sink could not be made.

use std::{io, net::SocketAddr};

/// Why a [`PrometheusSink`](super::PrometheusSink) could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrometheusError {
    /// The address cannot be listened on: as a rule, another program does already. Choose another
    /// one with [`address`](super::PrometheusBuilder::address), or `RAAF_TRACE_PROMETHEUS_ADDR`.
    #[error("metrics cannot be served at {address}: {source}")]
    Address {
        /// Where the endpoint was to be.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The thread that serves metrics and keeps them small could not be started.
    #[error("the thread for metrics could not be started: {0}")]
    Thread(io::Error),
    /// The buckets are none, or are not finite numbers that rise.
    #[error("buckets must be finite numbers, each larger than the one before, and at least one")]
    Buckets,
}
