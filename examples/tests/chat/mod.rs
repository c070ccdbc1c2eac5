//! A server on loopback that speaks as much of Chat Completions as a prepared answer needs.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
};

use serde_json::Value as Json;

/// Gives its answers in order, one a connection, and is gone after the last.
pub(crate) struct Server {
    address: SocketAddr,
    answering: JoinHandle<io::Result<Vec<Request>>>,
}

pub(crate) struct Request {
    /// The first line and the headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: Json,
}

impl Server {
    /// A server that answers with these.
    pub(crate) fn start(answers: Vec<String>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let answering = thread::spawn(move || {
            answers.iter().map(|text| answer(&listener.accept()?.0, text)).collect()
        });
        Ok(Self { address, answering })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Waits until all answers are given, and returns the requests.
    pub(crate) fn requests(self) -> Vec<Request> {
        let asked = self.answering.join().expect("the server does not panic");
        asked.expect("a client that came has asked, and read")
    }
}

/// These events of a streamed answer, with its end.
pub(crate) fn stream(events: &[Json]) -> String {
    let events: Vec<_> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let events = events.concat();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    format!("{head}{events}data: [DONE]\n\n")
}

/// A refusal.
pub(crate) fn refusal(status: u16, message: &str) -> String {
    let body = serde_json::json!({"error": {"message": message}}).to_string();
    let length = body.len();
    let head = format!("HTTP/1.1 {status} No\r\nContent-Type: application/json");
    format!("{head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

fn answer(mut stream: &TcpStream, text: &str) -> io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        head.push_str(&line);
        head.push('\n');
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    stream.write_all(text.as_bytes())?;
    Ok(Request { head, body: serde_json::from_slice(&body)? })
}
