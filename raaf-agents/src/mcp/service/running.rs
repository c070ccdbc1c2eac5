//! A server that listens.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http::{Request, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{HttpService, http::empty};

const PATH: &str = "/mcp";
/// Bound on the number of connections; others wait.
const MAX_CONNECTIONS: usize = 1_024;
/// Time for the head of a request to come.
const HEAD: Duration = Duration::from_secs(30);
/// Time for connections to end when the server is shut down.
const GRACE: Duration = Duration::from_secs(2);
/// Delay after a connection that could not be accepted, such as for lack of file descriptors.
const RETRY: Duration = Duration::from_millis(100);

/// MCP server that listens on an address; see [`McpService::serve_http`](crate::mcp::McpService::serve_http).
///
/// Dropping it ends the server.
#[derive(Debug)]
#[must_use = "the server ends when this is dropped"]
pub struct HttpServer {
    address: SocketAddr,
    ending: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl HttpServer {
    pub(super) fn start(listener: TcpListener, address: SocketAddr, service: HttpService) -> Self {
        let ending = CancellationToken::new();
        let task = tokio::spawn(listen(listener, service, ending.clone()));
        Self { address, ending, task: Some(task) }
    }

    /// Returns the address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL for clients, such as `http://127.0.0.1:8000/mcp`.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Waits until the server ends, which it does only with its runtime. If this future is dropped, the
    /// server ends, too.
    pub async fn wait(mut self) {
        if let Some(task) = &mut self.task {
            let _ = task.await;
        }
    }

    /// Ends the server: ends all sessions, and cancels calls that still run after 2 seconds.
    pub async fn shutdown(mut self) {
        self.ending.cancel();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.ending.cancel();
    }
}

async fn listen(listener: TcpListener, service: HttpService, ending: CancellationToken) {
    let (permits, mut connections) = (Arc::new(Semaphore::new(MAX_CONNECTIONS)), JoinSet::new());
    loop {
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            () = ending.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            next = next => next,
        };
        let Ok((stream, _)) = accepted else {
            sleep(RETRY).await;
            continue;
        };
        let service = service.clone();
        connections.spawn(async move {
            serve(stream, service).await;
            drop(permit);
        });
    }
    drop(listener);
    service.end();
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(GRACE, all).await;
    connections.shutdown().await;
}

/// Serves a connection. A failed one is the client's.
async fn serve(stream: TcpStream, service: HttpService) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let service = service.clone();
        async move {
            Ok::<_, Infallible>(if request.uri().path() == PATH {
                service.answer(request).await
            } else {
                empty(StatusCode::NOT_FOUND)
            })
        }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let _ = server.serve_connection(TokioIo::new(stream), answer).await;
}
