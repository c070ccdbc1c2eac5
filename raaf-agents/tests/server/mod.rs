//! A web server that gives prepared answers, one a connection.

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

pub(crate) struct Answer {
    status: u16,
    headers: String,
    body: Option<String>,
}

impl Answer {
    pub(crate) fn ok(body: &Json) -> Self {
        Self::status(200, &body.to_string())
    }

    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self { status, headers: String::new(), body: Some(body.to_owned()) }
    }

    /// The request is read, and that is all.
    pub(crate) fn never() -> Self {
        Self { status: 0, headers: String::new(), body: None }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }

    fn text(&self) -> Option<String> {
        let Self { status, headers, body } = self;
        let body = body.as_ref()?;
        Some(format!(
            "HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\n{headers}\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ))
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
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read(&mut stream).await;
                seen.lock().unwrap().push(request);
                match answer.text() {
                    Some(text) => stream.write_all(text.as_bytes()).await.unwrap(),
                    None => open.push(stream),
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

async fn read(stream: &mut TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.unwrap();
    Request { head, body: serde_json::from_slice(&body).unwrap() }
}
