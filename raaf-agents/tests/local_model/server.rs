//! The model's server, which runs on loopback until the test ends.

use std::{path::Path, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::python::LOCAL_MODEL;

/// Time limit for loading the model.
const STARTING: Duration = Duration::from_secs(180);

pub(crate) struct Server {
    url: String,
    /// Ends with the test.
    _process: Child,
}

impl Server {
    /// Starts the server of the example, or returns the reason why it is unavailable.
    pub(crate) async fn start() -> Result<Self, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/local_model.py");
        let mut process = Command::new(LOCAL_MODEL.find().await?)
            .arg(script)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("the server does not start: {error}"))?;
        let lines = process.stdout.take().map(|output| BufReader::new(output).lines());
        let mut lines = lines.ok_or("the server has no output")?;
        let address = timeout(STARTING, lines.next_line()).await;
        let address = address.map_err(|_| "the server did not start in time")?;
        let address = address.map_err(|error| error.to_string())?;
        let address = address.ok_or("the server ended without serving")?;
        Ok(Self { url: format!("{address}/v1"), _process: process })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}
