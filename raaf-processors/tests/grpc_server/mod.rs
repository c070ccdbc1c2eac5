//! A gRPC server on loopback that gives prepared answers, one a call, and keeps what it was sent.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(dead_code, reason = "each test takes what it needs")]

use std::{
    collections::VecDeque,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    thread,
};

use bytes::Bytes;
use h2::{RecvStream, server::SendResponse};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use ureq::http::{HeaderMap, Request, Response};

/// Serves until the test ends.
pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    connections: usize,
    /// The next answers; when there are none, `last` is given.
    answers: VecDeque<Answer>,
    last: Answer,
}

/// A received call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// True if the message is marked as compressed.
    pub(crate) compressed: bool,
    pub(crate) message: Vec<u8>,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Action of the server once it has read a call.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// OK, with this message.
    Message(Vec<u8>),
    /// Another status, by its code, with a message and details.
    Status(u8, &'static str, Option<String>),
    /// OK up to so many bytes of message, otherwise what gRPC's libraries answer.
    UpTo(usize),
    /// A reply of another server in the way.
    Http(u16, &'static str),
    /// No answer; the connection stays open.
    Hang,
    /// OK, and the connection is closed.
    Close,
}

impl Default for Answer {
    fn default() -> Self {
        Self::Message(Vec::new())
    }
}

impl Answer {
    pub(crate) fn status(code: u8) -> Self {
        Self::Status(code, "", None)
    }
}

impl Server {
    /// A server that answers `last` to everything.
    pub(crate) fn start(last: Answer) -> Self {
        Self::scripted([], last)
    }

    /// A server that gives these answers in turn, and then `last` for ever.
    pub(crate) fn scripted(answers: impl IntoIterator<Item = Answer>, last: Answer) -> Self {
        Self::listen(answers.into_iter().collect(), last, None)
    }

    /// A server that accepts everything, by TLS.
    pub(crate) fn with_tls(mut config: ServerConfig) -> Self {
        config.alpn_protocols = vec![b"h2".to_vec()];
        Self::listen(VecDeque::new(), Answer::default(), Some(Arc::new(config).into()))
    }

    fn listen(answers: VecDeque<Answer>, last: Answer, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { answers, last, ..State::default() }));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    shared.lock().unwrap().connections += 1;
                    let (shared, tls) = (Arc::clone(&shared), tls.clone());
                    tokio::spawn(async move {
                        match tls {
                            None => serve(stream, shared).await,
                            // The client may end the handshake.
                            Some(tls) => match tls.accept(stream).await {
                                Ok(stream) => serve(stream, shared).await,
                                Err(_) => None,
                            },
                        }
                    });
                }
            });
        });
        Self { address, scheme, state }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://localhost:{}", self.scheme, self.address.port())
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.lock().unwrap().calls.clone()
    }

    /// Number of connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

/// Serves a connection; `None` if the client has broken it.
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    state: Arc<Mutex<State>>,
) -> Option<()> {
    let mut connection = h2::server::handshake(stream).await.ok()?;
    let mut hanging = Vec::new();
    while let Some(call) = connection.accept().await {
        let (request, replies) = call.ok()?;
        let answered = answer(request, replies, &state);
        let mut answered = std::pin::pin!(answered);
        // The connection has to be driven while the message comes.
        let (action, replies) = std::future::poll_fn(|cx| {
            let ready = answered.as_mut().poll(cx);
            if ready.is_pending() {
                let _ = connection.poll_closed(cx);
                return answered.as_mut().poll(cx);
            }
            ready
        })
        .await?;
        match action {
            Answer::Hang => hanging.push(replies),
            Answer::Close => connection.graceful_shutdown(),
            _ => {}
        }
    }
    Some(())
}

/// Reads a call and answers it; returns the answer.
async fn answer(
    request: Request<RecvStream>,
    mut replies: SendResponse<Bytes>,
    state: &Mutex<State>,
) -> Option<(Answer, SendResponse<Bytes>)> {
    let (head, mut body) = request.into_parts();
    let mut frame = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.ok()?;
        body.flow_control().release_capacity(piece.len()).ok()?;
        frame.extend_from_slice(&piece);
    }
    let length = u32::from_be_bytes(frame[1..5].try_into().unwrap());
    let message = frame.split_off(5);
    assert_eq!(message.len(), length as usize, "one frame");
    let action = {
        let mut state = state.lock().unwrap();
        let action = state.answers.pop_front().unwrap_or_else(|| state.last.clone());
        state.calls.push(Call {
            path: head.uri.path().to_owned(),
            headers: head.headers,
            compressed: frame[0] == 1,
            message: message.clone(),
        });
        action
    };
    let reply = Response::builder().header("content-type", "application/grpc");
    let status = |code: u8, said: &str| {
        reply_headers(&[("grpc-status", &code.to_string()), ("grpc-message", said)])
    };
    match &action {
        Answer::UpTo(most) if message.len() > *most => {
            let said = "grpc: received message larger than max";
            let mut reply = reply.body(()).unwrap();
            reply.headers_mut().extend(status(8, said));
            replies.send_response(reply, true).ok()?;
        }
        Answer::Message(_) | Answer::UpTo(_) | Answer::Close => {
            let said = if let Answer::Message(said) = &action { &said[..] } else { &[] };
            let mut stream = replies.send_response(reply.body(()).unwrap(), false).ok()?;
            let length = u32::try_from(said.len()).unwrap().to_be_bytes();
            stream.send_data([&[0][..], &length, said].concat().into(), false).ok()?;
            stream.send_trailers(status(0, "")).ok()?;
        }
        Answer::Status(code, said, details) => {
            let mut reply = reply.body(()).unwrap();
            reply.headers_mut().extend(status(*code, said));
            if let Some(details) = details {
                let details = reply_headers(&[("grpc-status-details-bin", details)]);
                reply.headers_mut().extend(details);
            }
            replies.send_response(reply, true).ok()?;
        }
        Answer::Http(status, said) => {
            let reply = Response::builder().status(*status).header("content-type", "text/html");
            let mut stream = replies.send_response(reply.body(()).unwrap(), false).ok()?;
            stream.send_data(Bytes::from_static(said.as_bytes()), true).ok()?;
        }
        Answer::Hang => {}
    }
    Some((action, replies))
}

fn reply_headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}
