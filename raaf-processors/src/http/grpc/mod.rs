//! Blocking gRPC client for single calls.

mod connection;
mod status;

use std::{
    io, mem, process,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use bytes::Bytes;
use h2::client::SendRequest;
use raaf_trace_core::sink::PerProcess;
use raaf_trace_model::sink::ExportError;
use tokio::runtime::{Handle, Runtime};
use ureq::{
    Timeout,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version,
        header::{CONNECTION, CONTENT_TYPE, HOST, TE, UPGRADE, USER_AGENT},
    },
};

use self::connection::Peer;
use super::{LONGEST, MAX_REPLY, Network, Protocol, Refusal, SHORTEST, Secret, refusal};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// Client for one method of a server.
#[derive(Debug)]
pub(crate) struct Client {
    url: Uri,
    peer: Arc<Peer>,
    protocol: Protocol,
    timeout: Duration,
    /// A connection must not be shared with a forked child.
    session: PerProcess<Mutex<Session>>,
}

/// Failed exchange with a server.
#[derive(Debug)]
enum Failure {
    /// No reply: the request could not be sent, or the connection failed.
    Unreached(ureq::Error),
    Http2(h2::Error),
    /// The host, the proxy or the certificate cannot be used.
    Way(&'static str),
}

/// Reply of a server.
#[derive(Debug)]
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    trailers: HeaderMap,
}

impl Client {
    /// Creates a client for the method at this address, whose calls take at most `timeout`, from name
    /// resolution to the last byte of the reply; at least a millisecond, at most a day.
    pub(crate) fn new(url: &str, timeout: Duration, protocol: Protocol, network: &Network) -> Self {
        let url = url.parse().unwrap_or_default();
        let peer = Arc::new(Peer::new(&url, network));
        let timeout = timeout.clamp(SHORTEST, LONGEST);
        Self { url, peer, protocol, timeout, session: PerProcess::default() }
    }

    /// Returns the timeout of a call.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends `message`, which is compressed with gzip if `gzip` is true, and returns the reply's
    /// message. `secrets` are removed from the error's message.
    ///
    /// # Errors
    ///
    /// If no server accepted the call. The error is retryable if a retry can help.
    pub(crate) fn call(
        &self,
        headers: &HeaderMap,
        message: Vec<u8>,
        gzip: bool,
        secrets: &[&Secret],
    ) -> Result<Vec<u8>, Refusal> {
        let length = message.len();
        let Ok(prefix) = u32::try_from(length) else {
            let error = ExportError::permanent("a message of gRPC is at most 4 GiB long");
            return Err(Refusal::new(true, error));
        };
        let mut frame = vec![u8::from(gzip)];
        frame.extend(prefix.to_be_bytes());
        let parts = [frame.into(), message.into()];
        let request = self.request(headers, gzip);
        let session = self.session.get(|_| Mutex::default());
        let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
        let session = &mut *session;
        let reply =
            outside_of_runtimes(|| session.call(&self.peer, &request, &parts, self.timeout));
        let reply = reply.map_err(|failure| self.unreached(length, failure))?;
        if reply.status != StatusCode::OK {
            return Err(self.of_http(&reply, secrets));
        }
        status::read(reply, &self.protocol, self.peer.target(&self.url.to_string()), secrets)
    }

    fn request(&self, headers: &HeaderMap, gzip: bool) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        *request.version_mut() = Version::HTTP_2;
        let all = request.headers_mut();
        all.clone_from(headers);
        // HTTP/2 has other means for these.
        for name in
            [CONNECTION.as_str(), HOST.as_str(), "keep-alive", "proxy-connection", UPGRADE.as_str()]
        {
            all.remove(name);
        }
        all.insert(CONTENT_TYPE, GRPC);
        all.insert(TE, HeaderValue::from_static("trailers"));
        let agent = concat!("raaf-processors/", env!("CARGO_PKG_VERSION"));
        all.entry(USER_AGENT).or_insert(HeaderValue::from_static(agent));
        if gzip {
            let name = HeaderName::from_static("grpc-encoding");
            all.insert(name, HeaderValue::from_static("gzip"));
        }
        if let Ok(limit) = format!("{}m", self.timeout.as_millis()).parse() {
            all.insert(HeaderName::from_static("grpc-timeout"), limit);
        }
        request
    }

    /// Creates an error for a call without a reply, whose message has this length.
    fn unreached(&self, length: usize, failure: Failure) -> Refusal {
        let url = self.url.to_string();
        let target = self.peer.target(&url);
        let origin = target.shown();
        match failure {
            Failure::Unreached(error) => target.unreached(length, &error, &self.protocol),
            Failure::Way(why) => ExportError::permanent(format!("{origin}: {why}")).into(),
            // The server speaks another protocol.
            Failure::Http2(error) if error.is_library() => ExportError::permanent(format!(
                "{origin} does not answer in HTTP/2 ({error}); expected {}",
                self.protocol.expected
            ))
            .into(),
            Failure::Http2(error) => {
                ExportError::retryable(format!("{origin} cannot be reached: {error}")).into()
            }
        }
    }

    /// Creates an error for a reply that is not one of gRPC.
    fn of_http(&self, reply: &Reply, secrets: &[&Secret]) -> Refusal {
        let is_passing = (self.protocol.is_passing)(reply.status, &reply.headers);
        let wait = refusal::wait(&reply.headers).filter(|_| is_passing);
        let reason = (self.protocol.reason)(&reply.body);
        let words = super::words(reason.as_bytes(), secrets);
        Refusal::of_status(reply.status, None, &words, is_passing, wait)
    }
}

/// Runs `work`, which blocks on a runtime of its own: in another thread if this one belongs to a
/// runtime of the program.
fn outside_of_runtimes<T: Send>(
    work: impl FnOnce() -> Result<T, Failure> + Send,
) -> Result<T, Failure> {
    if Handle::try_current().is_err() {
        return work();
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, work)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the call panicked").into()))
    })
}

/// Connection of a process with the runtime that drives it during calls.
#[derive(Debug)]
struct Session {
    runtime: Option<Runtime>,
    connection: Option<SendRequest<Bytes>>,
    process: u32,
}

impl Session {
    fn call(
        &mut self,
        peer: &Peer,
        request: &Request<()>,
        parts: &[Bytes; 2],
        limit: Duration,
    ) -> Result<Reply, Failure> {
        let runtime = match self.runtime.take() {
            Some(runtime) => runtime,
            None => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        };
        let mut connection = self.connection.take();
        let exchange = exchange(&mut connection, peer, request, parts);
        let reply = runtime.block_on(async { tokio::time::timeout(limit, exchange).await });
        let late = Failure::Unreached(ureq::Error::Timeout(Timeout::Global));
        let reply = reply.unwrap_or(Err(late));
        if reply.is_ok() {
            (self.runtime, self.connection) = (Some(runtime), connection);
        } else {
            // This closes the connection, whose task no call would drive. The next one connects anew.
            runtime.shutdown_background();
        }
        reply
    }
}

impl Default for Session {
    fn default() -> Self {
        Self { runtime: None, connection: None, process: process::id() }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        if self.process == process::id() {
            // Waiting is not allowed in a runtime of the program.
            runtime.shutdown_background();
        } else {
            // It shares the parent's readiness queue, from which it would remove the connection.
            mem::forget(runtime);
        }
    }
}

/// Sends a request on the connection or, if there is none or the server has closed it, on a new one.
async fn exchange(
    connection: &mut Option<SendRequest<Bytes>>,
    peer: &Peer,
    request: &Request<()>,
    parts: &[Bytes; 2],
) -> Result<Reply, Failure> {
    if let Some(open) = connection.clone() {
        match send(open, request.clone(), parts).await {
            Err(error) if !error.is_reset() => {}
            reply => return reply.map_err(Failure::from),
        }
    }
    let new = peer.connect().await?;
    *connection = Some(new.clone());
    Ok(send(new, request.clone(), parts).await?)
}

async fn send(
    connection: SendRequest<Bytes>,
    request: Request<()>,
    parts: &[Bytes; 2],
) -> Result<Reply, h2::Error> {
    let (reply, mut stream) = connection.ready().await?.send_request(request, false)?;
    let [prefix, message] = parts.clone();
    stream.send_data(prefix, false)?;
    stream.send_data(message, true)?;
    let (head, mut stream) = reply.await?.into_parts();
    let mut body = Vec::new();
    let limit = usize::try_from(MAX_REPLY).unwrap_or(usize::MAX);
    while let Some(piece) = stream.data().await {
        let piece = piece?;
        stream.flow_control().release_capacity(piece.len())?;
        let room = limit.saturating_sub(body.len());
        body.extend(piece.iter().take(room));
    }
    let trailers = stream.trailers().await?.unwrap_or_default();
    Ok(Reply { status: head.status, headers: head.headers, body, trailers })
}

impl From<h2::Error> for Failure {
    fn from(error: h2::Error) -> Self {
        if error.is_io() {
            let error = error.into_io().unwrap_or_else(|| io::ErrorKind::Other.into());
            return Self::Unreached(ureq::Error::Io(error));
        }
        Self::Http2(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Unreached(ureq::Error::Io(error))
    }
}
