//! A receiver on loopback that accepts everything.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// Receiver, which ends with the program.
pub(crate) struct Receiver {
    address: SocketAddr,
    bytes: Arc<AtomicU64>,
    last: Arc<Mutex<Vec<u8>>>,
}

impl Receiver {
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (bytes, last) = (Arc::default(), Arc::default());
        let (total, body) = (Arc::clone(&bytes), Arc::clone(&last));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (total, body) = (Arc::clone(&total), Arc::clone(&body));
                thread::spawn(move || serve(&stream, &total, &body));
            }
        });
        Ok(Self { address, bytes, last })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn traces_url(&self) -> String {
        format!("{}/v1/traces", self.url())
    }

    /// Bytes of all bodies so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }

    /// The last body.
    pub(crate) fn last(&self) -> Vec<u8> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Serves a connection until it ends.
fn serve(stream: &TcpStream, total: &AtomicU64, last: &Mutex<Vec<u8>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line.trim().is_empty() {
                break;
            }
            let line = line.to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        total.fetch_add(length as u64, Ordering::SeqCst);
        *last.lock().unwrap_or_else(PoisonError::into_inner) = body;
        writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    }
}
