//! Listeners for the engine's connections.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// Number of connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Listens at an address for [`HttpServer::serve`](restate_sdk::http_server::HttpServer::serve), with Nagle's
/// algorithm disabled (`TCP_NODELAY`).
///
/// The connections of [`listen_and_serve`](restate_sdk::http_server::HttpServer::listen_and_serve) use
/// Nagle's algorithm: they wait for an acknowledgment, which the engine delays, so that each step takes
/// about 40 ms longer.
///
/// # Errors
///
/// If the address is in use, or cannot be bound.
///
/// # Examples
///
/// ```no_run
/// use restate_sdk::prelude::*;
///
/// # async fn example(endpoint: Endpoint) -> std::io::Result<()> {
/// let listener = raaf_restate::listen(([0, 0, 0, 0], 9080).into())?;
/// HttpServer::new(endpoint).serve(listener).await;
/// # Ok(())
/// # }
/// ```
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // As `TcpListener::bind` does: a worker takes the address of one that has ended.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    // Connections inherit this from the socket that accepts them.
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
