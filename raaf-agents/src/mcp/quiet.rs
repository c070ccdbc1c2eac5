//! Start of connections without spans of the library below.

use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

/// Runs work that starts a connection. The library below opens a span of the crate `tracing` there, which
/// would be within the span of the first request, and last as long as the connection.
pub(super) async fn quietly<F: Future>(work: F) -> F::Output {
    work.with_subscriber(NoSubscriber::default()).await
}
