//! Minimal HTTP for these examples, on loopback: an answer, and a request.

#![allow(dead_code, reason = "each example takes what it needs")]

use std::{
    io::{self, BufRead, BufReader, Write as _},
    net::TcpStream,
};

/// A request or an answer; its first line is not looked at.
pub(crate) struct Message {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Answers the request that comes over a connection with 200 and what `handle` makes of it.
pub(crate) fn answer(stream: TcpStream, handle: impl FnOnce(Message) -> Vec<u8>) -> io::Result<()> {
    let mut connection = BufReader::new(stream);
    let body = handle(read(&mut connection)?);
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    connection.get_mut().write_all(&[head.as_bytes(), &body].concat())
}

/// Posts a body with these headers to a server, and returns what it answers.
pub(crate) fn post(
    address: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> io::Result<Vec<u8>> {
    let lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (lines, length) = (lines.concat(), body.len());
    let head =
        format!("POST / HTTP/1.1\r\nHost: {address}\r\n{lines}Content-Length: {length}\r\n\r\n");
    let mut connection = BufReader::new(TcpStream::connect(address)?);
    connection.get_mut().write_all(&[head.as_bytes(), body].concat())?;
    Ok(read(&mut connection)?.body)
}

fn read(connection: &mut impl BufRead) -> io::Result<Message> {
    let mut lines = connection.by_ref().lines();
    let mut headers = Vec::new();
    lines.next().transpose()?;
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(": ") else { break };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok(Message { headers, body })
}
