//! The proxy, which runs on loopback until the test ends.

use std::{net::SocketAddr, path::Path};

use raaf_trace_core::TraceId;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::{Child, Command},
};

use super::python::{self, Program};

const PROGRAM: Program =
    Program { variable: "RAAF_LITELLM", package: "litellm[proxy]", file: "bin/litellm" };

pub(crate) struct Proxy {
    address: SocketAddr,
    key: String,
    /// Ends with the test.
    _process: Child,
}

impl Proxy {
    /// The proxy, up and answering; else why it cannot be had.
    pub(crate) async fn start() -> Result<Self, String> {
        let program = PROGRAM.find().await?;
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/litellm/config.yaml");
        let address = python::free_address().await?;
        // Not a well-known one: the proxy warns of those, rightly.
        let key = format!("sk-{}", TraceId::random().hex());
        let mut command = Command::new(program);
        command
            .arg("--config")
            .arg(config)
            .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
            .env("LITELLM_MASTER_KEY", &key)
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True");
        let mut process = python::start(&mut command)?;
        python::comes_up(&mut process, || async { is_up(address).await.unwrap_or(false) }).await?;
        Ok(Self { address, key, _process: process })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

async fn is_up(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    let request = "GET /health/liveliness HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}
