//! Scrape endpoint.

use std::{convert::Infallible, io::Write as _, net::SocketAddr, sync::Arc, time::Duration};

use flate2::{Compression, write::GzEncoder};
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{
        ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue,
        VARY,
    },
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use raaf_trace_core::diagnostics::{self, Category, Repeated};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time,
};

use super::{
    format::{Format, accepts_gzip},
    shared::Shared,
};

/// Largest number of concurrent requests. Further ones wait in the system's queue.
const MOST_CONNECTIONS: usize = 16;

/// Longest time for a connection to send its request, and longest total time.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(30);

/// Pause after a connection or an address could not be obtained.
const PAUSE: Duration = Duration::from_millis(200);

/// Socket to serve: one that is listening, or an address that was in use.
#[derive(Debug)]
pub(super) enum Door {
    Open(std::net::TcpListener),
    Taken(SocketAddr),
}

/// Opens a socket at the address, and returns its actual address, because the port may be 0.
pub(super) fn open(address: SocketAddr) -> std::io::Result<(std::net::TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Answers scrapes for as long as it is polled.
pub(super) async fn serve(door: Door, shared: Arc<Shared>) {
    let listener = match door {
        Door::Open(listener) => listener,
        Door::Taken(address) => wait_for(address, &shared).await,
    };
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return shared.serves_at(None, Some(error.to_string())),
    };
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let failures = Repeated::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let answered = time::timeout(TIMEOUT, answer(stream, Arc::clone(&shared)));
                tokio::spawn(async move {
                    let _ = answered.await;
                    drop(place);
                });
            }
            Err(error) => {
                if let Some(count) = failures.happened() {
                    let text =
                        format_args!("a scrape cannot be accepted: {error} (failure {count})");
                    diagnostics::warn(Category::Http, text);
                }
                // For example no file handle is free, so that an immediate retry would fail as
                // well.
                time::sleep(PAUSE).await;
            }
        }
    }
}

/// Retries until the address is free: a previous program may be about to exit.
async fn wait_for(address: SocketAddr, shared: &Shared) -> std::net::TcpListener {
    loop {
        time::sleep(PAUSE).await;
        if let Ok((listener, address)) = open(address) {
            shared.serves_at(Some(address), None);
            diagnostics::info(
                Category::Export,
                format_args!("metrics are served at http://{address}/metrics now"),
            );
            return listener;
        }
    }
}

async fn answer(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let response = respond(&request, &shared);
        async move { Ok::<_, Infallible>(response) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).keep_alive(false);
    // The client has disconnected, which does not affect others.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

fn respond(request: &Request<Incoming>, shared: &Shared) -> Response<Full<Bytes>> {
    let header = |name: HeaderName| {
        let all = request.headers().get_all(name).iter().filter_map(|value| value.to_str().ok());
        all.collect::<Vec<_>>().join(",")
    };
    let mut format = Format::Text;
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            format = Format::accepted(&header(ACCEPT));
            (StatusCode::OK, shared.render(format))
        }
        (&Method::GET | &Method::HEAD, _) => {
            (StatusCode::NOT_FOUND, "metrics are at /metrics\n".to_owned())
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, "metrics are read with GET\n".to_owned()),
    };
    let zipped = accepts_gzip(&header(ACCEPT_ENCODING)).then(|| gzip(&text)).flatten();
    let is_zipped = zipped.is_some();
    let mut response = Response::new(Full::from(zipped.unwrap_or_else(|| text.into_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    if is_zipped {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

fn gzip(text: &str) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).ok()?;
    encoder.finish().ok()
}
