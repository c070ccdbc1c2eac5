//! A server on loopback, and a client.
#![allow(clippy::expect_used, reason = "a test that cannot go on ends here")]
#![allow(dead_code, reason = "each test takes what it needs")]

use axum::Router;
use tokio::{net::TcpListener, task::AbortHandle};

/// A server that stops when it is dropped.
pub(crate) struct Serving {
    address: String,
    task: AbortHandle,
}

impl Serving {
    pub(crate) async fn start(app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let task = tokio::spawn(async move { axum::serve(listener, app).await }).abort_handle();
        Self { address, task }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client without a pool, so that a request that is dropped closes its connection.
pub(crate) fn client() -> reqwest::Client {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client")
}
