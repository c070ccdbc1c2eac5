//! A web server with prepared responses, one for each connection.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(dead_code, reason = "each test takes what it needs")]

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use serde_json::Value as Json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Json,
}

/// Response to a request.
pub(crate) struct Answer {
    status: u16,
    headers: String,
    body: String,
    /// Only some of it is written, and then nothing.
    hangs: bool,
    silent: bool,
}

impl Answer {
    pub(crate) fn ok(body: &Json) -> Self {
        Self::status(200, &body.to_string())
    }

    pub(crate) fn status(status: u16, body: &str) -> Self {
        let headers =
            format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        Self { status, headers, body: body.to_owned(), hangs: false, silent: false }
    }

    /// These events, and then the end of the connection: without a `[DONE]` it is too early.
    pub(crate) fn stream<E: ToString>(events: impl IntoIterator<Item = E>) -> Self {
        let body = events.into_iter().map(|event| format!("data: {}\n\n", event.to_string()));
        let headers = "Content-Type: text/event-stream; charset=utf-8\r\n".to_owned();
        Self { status: 200, headers, body: body.collect(), hangs: false, silent: false }
    }

    /// A body as it was recorded.
    pub(crate) fn recorded(status: u16, content_type: &str, body: &str) -> Self {
        let headers = format!("Content-Type: {content_type}\r\nContent-Length: {}\r\n", body.len());
        Self { status, headers, body: body.to_owned(), hangs: false, silent: false }
    }

    /// The request is read, and that is all.
    pub(crate) fn never() -> Self {
        Self { hangs: true, silent: true, ..Self::status(0, "") }
    }

    /// The request is read, and the connection closed.
    pub(crate) fn close() -> Self {
        Self { silent: true, ..Self::status(0, "") }
    }

    /// Hangs after the body is sent.
    pub(crate) fn then_hangs(mut self) -> Self {
        self.hangs = true;
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers += &[name, ": ", value, "\r\n"].concat();
        self
    }

    fn text(&self) -> String {
        let Self { status, headers, body, .. } = self;
        if self.silent {
            return String::new();
        }
        format!("HTTP/1.1 {status} Answer\r\n{headers}Connection: close\r\n\r\n{body}")
    }
}

impl Server {
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let answers: Vec<_> = answers.into_iter().collect();
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            for answer in answers {
                // The port may have been another server's, which a client still looks for.
                let (mut stream, request) = loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    if let Some(request) = read(&mut stream).await {
                        break (stream, request);
                    }
                };
                seen.lock().unwrap().push(request);
                stream.write_all(answer.text().as_bytes()).await.unwrap();
                if answer.hangs {
                    open.push(stream);
                }
            }
            std::future::pending::<()>().await;
        });
        Self { address, requests, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn stop(self) {
        self.task.abort();
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await.ok()?;
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.ok()?;
    Some(Request { head, body: serde_json::from_slice(&body).ok()? })
}
