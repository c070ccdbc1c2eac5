//! The server of a small model, which the examples start.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/local_model.py");

/// Starts the server, which ends when its process is dropped, and returns its URL; `None` if it cannot
/// be started.
pub(crate) async fn serve() -> Option<(Child, String)> {
    let mut server = Command::new("python3")
        .arg(SCRIPT)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .ok()?;
    let mut lines = BufReader::new(server.stdout.take()?).lines();
    let address = lines.next_line().await.ok()??;
    Some((server, format!("{address}/v1")))
}
