//! A web server on loopback that gives prepared answers, one a request, and keeps what it was sent.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(dead_code, reason = "each test takes what it needs")]

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread::{self, JoinHandle},
};

/// Answers until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    requests: Vec<Request>,
    /// The next answers; when there are none, `last` is given.
    answers: VecDeque<Answer>,
    last: Answer,
    closed: bool,
    /// Connections that are held open without an answer.
    hanging: Vec<TcpStream>,
}

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The first line and the headers, as they were sent.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// A header's value; names are compared without regard to case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Action of the server once it has read a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Status, headers (each line ended), body.
    Reply(u16, String, Vec<u8>),
    /// 200 up to so many bytes of body, otherwise 413.
    UpTo(usize),
    /// Nothing, and the connection stays open.
    Hang,
    /// Nothing, and the connection is closed.
    Close,
    /// These bytes, whatever they are, and the connection is closed.
    Raw(Vec<u8>),
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self::Reply(status, String::new(), Vec::new())
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::Reply(status, String::new(), body.as_bytes().to_vec())
    }

    pub(crate) fn with_header(status: u16, header: &str) -> Self {
        Self::Reply(status, format!("{header}\r\n"), Vec::new())
    }
}

impl Server {
    /// A server that answers `last` to everything.
    pub(crate) fn start(last: Answer) -> Self {
        Self::scripted([], last)
    }

    /// A server that gives these answers in turn, and then `last` for ever.
    pub(crate) fn scripted(answers: impl IntoIterator<Item = Answer>, last: Answer) -> Self {
        Self::listen(TcpListener::bind(("127.0.0.1", 0)).unwrap(), answers, last)
    }

    /// A server at an address that was free a moment ago.
    pub(crate) fn at(address: SocketAddr, last: Answer) -> Self {
        Self::listen(TcpListener::bind(address).unwrap(), [], last)
    }

    fn listen(
        listener: TcpListener,
        answers: impl IntoIterator<Item = Answer>,
        last: Answer,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let state = State {
            requests: Vec::new(),
            answers: answers.into_iter().collect(),
            last,
            closed: false,
            hanging: Vec::new(),
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.state.lock().unwrap().closed {
                    return;
                }
                let serving = Arc::clone(&accepting);
                thread::spawn(move || serving.serve(stream));
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.state.lock().unwrap().requests.clone()
    }

    /// Waits until so many requests have come.
    pub(crate) fn wait_for(&self, requests: usize) -> Vec<Request> {
        let state = self.shared.state.lock().unwrap();
        let came = |state: &mut State| state.requests.len() < requests;
        self.shared.changed.wait_while(state, came).unwrap().requests.clone()
    }

    /// From now on everything is answered with this.
    pub(crate) fn now_answers(&self, answer: Answer) {
        let mut state = self.shared.state.lock().unwrap();
        state.answers.clear();
        state.last = answer;
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some(request) = read(&mut reader) {
            let answer = {
                let mut state = self.state.lock().unwrap();
                let length = request.body.len();
                state.requests.push(request);
                self.changed.notify_all();
                match state.answers.pop_front().unwrap_or_else(|| state.last.clone()) {
                    Answer::UpTo(most) => Answer::status(if length > most { 413 } else { 200 }),
                    answer => answer,
                }
            };
            match answer {
                Answer::Reply(status, headers, body) => {
                    let length = body.len();
                    let length = if status == 204 {
                        String::new()
                    } else {
                        format!("Content-Length: {length}\r\n")
                    };
                    let head = format!("HTTP/1.1 {status} Prepared\r\n{headers}{length}\r\n");
                    if stream.write_all(&[head.as_bytes(), &body].concat()).is_err() {
                        return;
                    }
                }
                Answer::UpTo(_) | Answer::Hang => {
                    return self.state.lock().unwrap().hanging.push(stream);
                }
                Answer::Close => return,
                Answer::Raw(bytes) => return stream.write_all(&bytes).unwrap_or_default(),
            }
        }
    }
}

/// A request; none when the connection ends.
fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let mut request = Request { head, body: Vec::new() };
    if request.header("transfer-encoding").is_some() {
        request.body = read_chunks(reader)?;
    } else {
        let length = request.header("content-length").map_or(0, |value| value.parse().unwrap());
        request.body.resize(length, 0);
        reader.read_exact(&mut request.body).ok()?;
    }
    Some(request)
}

fn read_chunks(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let from = body.len();
        body.resize(from + length + 2, 0);
        reader.read_exact(&mut body[from..]).ok()?;
        body.truncate(from + length);
        if length == 0 {
            return Some(body);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state.lock().unwrap();
            state.closed = true;
            state.hanging.clear();
        }
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
