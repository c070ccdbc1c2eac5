//! `view` and `serve`: the page over HTTP, on this machine.

mod store;

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::Context as _;
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message as _;
use raaf_trace_model::{escape::Escaped, prices::PriceTable, span::FinishedSpan};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    format::html::PAGE,
    import,
    input::{Followed, Input, Line, PAUSE, Scan},
    print,
};

pub(crate) use store::Store;

/// Largest request of a program that sends spans, in bytes.
const REQUEST: usize = 64 * 1024 * 1024;

/// A server of the page and of what it shows.
#[derive(Debug)]
pub(crate) struct Server {
    store: Store,
    /// By which model calls without a cost have one in the page.
    prices: PriceTable,
    /// `true` if programs may send spans.
    receives: bool,
    /// File to which the received spans are appended.
    keep: Option<Mutex<File>>,
    /// Traces that OpenAI's Agents SDK has begun, whose spans come later.
    begun: Mutex<import::Begun>,
}

impl Server {
    pub(crate) fn new(bytes: usize, prices: PriceTable) -> Self {
        let store = Store::new(bytes);
        Self { store, prices, receives: false, keep: None, begun: Mutex::default() }
    }

    /// Takes spans from other programs, and keeps them in this file, too.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub(crate) fn receiving(mut self, keep: Option<&PathBuf>) -> anyhow::Result<Self> {
        self.receives = true;
        if let Some(path) = keep {
            let shown = || path.display().to_string();
            let mut options = File::options();
            options.append(true).create(true).read(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(path).with_context(shown)?;
            end_line(&mut file).with_context(shown)?;
            self.keep = Some(Mutex::new(file));
        }
        Ok(self)
    }

    fn add(&self, lines: Vec<Line>) -> io::Result<()> {
        if let Some(file) = &self.keep {
            let text: String = lines.iter().flat_map(|line| [line.text(), "\n"]).collect();
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = file.write_all(text.as_bytes()) {
                // Ends a line that was written in part, for the next one.
                let _ = file.write_all(b"\n");
                return Err(error);
            }
        }
        for line in lines {
            self.store.push(line.for_page());
        }
        Ok(())
    }

    /// Adds spans. Returns the answer to a request if they cannot be kept.
    fn add_all(&self, spans: &[FinishedSpan]) -> Option<Response> {
        let lines = spans.iter().filter_map(|span| Line::of(span, &self.prices));
        self.add(lines.collect()).err().map(|error| failed(&error))
    }

    fn show(&self, line: Option<Line>) {
        if let Some(line) = line {
            self.store.push(line.for_page());
        }
    }

    /// Puts the lines of files into the store, oldest file first, and goes on with those that are written
    /// later to the last one.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub(crate) fn load(self: &Arc<Self>, input: &Input, follow: bool) -> anyhow::Result<()> {
        let mut sources: Vec<_> = input.each().collect();
        let last = sources.pop_if(|last| follow && last.single().is_some());
        for source in sources {
            let faults = Scan::of(&source).in_order(|line| {
                let line = Line::parse(line, &self.prices).map_err(|error| error.to_string())?;
                self.show(line);
                Ok(())
            })?;
            print::tell(&faults);
        }
        match last.as_ref().and_then(Input::single) {
            Some(path) => self.follow(path),
            None => Ok(()),
        }
    }

    fn follow(self: &Arc<Self>, path: &Path) -> anyhow::Result<()> {
        let mut file = Followed::from_start(path).with_context(|| path.display().to_string())?;
        let server = Arc::clone(self);
        let mut read = move || -> anyhow::Result<bool> {
            file.read(|line| {
                server.show(Line::parse(line, &server.prices).ok().flatten());
                Ok(())
            })
        };
        read()?;
        thread::Builder::new().name("raaf-follow".to_owned()).spawn(move || {
            while let Ok(grown) = read() {
                if !grown {
                    thread::sleep(PAUSE);
                }
            }
        })?;
        Ok(())
    }

    /// Serves until the program is stopped. Calls `ready` with the address once it listens.
    ///
    /// # Errors
    ///
    /// If the port cannot be used.
    pub(crate) fn run(
        self: Arc<Self>,
        address: SocketAddr,
        ready: impl FnOnce(SocketAddr) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::bind(address)
                .await
                .with_context(|| format!("cannot listen on {address}"))?;
            ready(listener.local_addr()?)?;
            axum::serve(listener, router(self)).await?;
            Ok(())
        })
    }
}

/// Returns the default address: this machine only.
pub(crate) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn router(server: Arc<Server>) -> Router {
    let mut router = Router::new().route("/", get(page)).route("/api/lines", get(lines));
    if server.receives {
        router = router.route("/v1/traces", post(otlp)).route("/lines", post(receive));
        router = router.route("/v1/traces/ingest", post(ingest));
    }
    router
        .layer(DefaultBodyLimit::max(REQUEST))
        .layer(middleware::from_fn(guard))
        .with_state(server)
}

/// Refuses requests that a web page of somewhere else makes through the user's browser: under a name
/// that it made to mean this machine, or from its own origin.
async fn guard(request: Request, next: Next) -> Response {
    if !is_direct(request.headers()) {
        let text = "only requests to an address or to `localhost` are answered\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

fn is_direct(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let host = text(header::HOST).filter(|host| is_address(host));
    let own = |origin: &str| origin.split_once("://").map(|(_, origin)| origin) == host;
    host.is_some()
        && headers.get(header::ORIGIN).is_none_or(|_| text(header::ORIGIN).is_some_and(own))
}

/// Returns a host without its port.
fn host_of(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    }
}

/// Returns whether a host, perhaps with its port, is an address or `localhost`, which no name server can
/// make another machine.
fn is_address(host: &str) -> bool {
    let host = host_of(host);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
}

async fn page() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], PAGE)
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn lines(State(server): State<Arc<Server>>, Query(query): Query<After>) -> impl IntoResponse {
    let (text, next) = server.store.after(query.after);
    let headers =
        [("content-type", "text/plain; charset=utf-8".to_owned()), ("x-next", next.to_string())];
    (headers, text)
}

/// Ends an incomplete last line, which a killed program can leave.
fn end_line(file: &mut File) -> io::Result<()> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

/// Receives an OTLP request in protobuf or JSON.
async fn otlp(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    let is = |kind: &str| is_of_type(&headers, kind);
    let read = if is("application/json") {
        import::otlp::json_text(&body)
    } else if is("application/x-protobuf") {
        import::otlp::binary(&body)
    } else {
        return refused("the content type must be `application/x-protobuf` or `application/json`");
    };
    let read = match read {
        Ok(read) => read,
        Err(reason) => return refused(&reason),
    };
    if let Some(failed) = server.add_all(&read.spans) {
        return failed;
    }
    let rejected_spans = i64::try_from(read.faults.len()).unwrap_or(i64::MAX);
    let error_message = read.faults.into_iter().next();
    if is("application/json") {
        let body = error_message.map_or(json!({}), |message| {
            // In JSON, protobuf's 64-bit numbers are strings.
            let rejected = rejected_spans.to_string();
            json!({ "partialSuccess": { "rejectedSpans": rejected, "errorMessage": message } })
        });
        ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    } else {
        let partial_success = error_message
            .map(|error_message| ExportTracePartialSuccess { rejected_spans, error_message });
        let body = ExportTraceServiceResponse { partial_success }.encode_to_vec();
        ([(header::CONTENT_TYPE, "application/x-protobuf")], body).into_response()
    }
}

/// Takes what OpenAI's Agents SDK sends.
async fn ingest(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_of_type(&headers, "application/json") {
        return refused("the content type must be `application/json`");
    }
    let spans = serde_json::from_slice(&body).map_err(|error| error.to_string());
    let begun = &mut *server.begun.lock().unwrap_or_else(PoisonError::into_inner);
    match spans.and_then(|body| begun.ingest(&body)) {
        Ok(spans) => {
            server.add_all(&spans).unwrap_or_else(|| StatusCode::NO_CONTENT.into_response())
        }
        Err(reason) => refused(&reason),
    }
}

/// Takes lines of a trace file.
async fn receive(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    // A web page of somewhere else cannot send this type.
    if !is_of_type(&headers, "application/x-ndjson") {
        return refused("the content type must be `application/x-ndjson`");
    }
    let mut lines = Vec::new();
    for (number, line) in body.split(|byte| *byte == b'\n').enumerate() {
        match Line::parse(line, &server.prices) {
            _ if line.is_empty() => {}
            Ok(line) => lines.extend(line),
            // All of them or none, so that the request can be sent again.
            Err(error) => return refused(&format!("line {}: {error}", number + 1)),
        }
    }
    if let Err(error) = server.add(lines) {
        return failed(&error);
    }
    StatusCode::NO_CONTENT.into_response()
}

fn is_of_type(headers: &HeaderMap, kind: &str) -> bool {
    let own = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    own.is_some_and(|own| own.split(';').next().is_some_and(|own| own.trim() == kind))
}

fn refused(reason: &str) -> Response {
    (StatusCode::BAD_REQUEST, format!("{}\n", Escaped(reason))).into_response()
}

fn failed(error: &io::Error) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("the spans cannot be kept: {error}\n"))
        .into_response()
}
