//! Logs of the libraries below, at their most talkative.

use std::sync::{Arc, Mutex};

use raaf_agents::{
    Tool as _,
    mcp::{McpConnection, McpServer},
};
use serde_json::json;
use tempfile::tempdir;
use tracing_subscriber::{filter::LevelFilter, fmt::format::FmtSpan};

use crate::{
    http::{answer, server},
    peer::peer,
};

const KEY: &str = "s3cr3t-token";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Returns what is logged while the first tool of a server is called.
pub(crate) async fn logged(server: McpServer) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_span_events(FmtSpan::NEW)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
    let office: McpConnection = server.connect().await.unwrap();
    office.tools().await.unwrap()[0].call(json!({})).await.unwrap();
    office.close().await;
    drop(guard);
    let log = log.0.lock().unwrap();
    String::from_utf8_lossy(&log).into_owned()
}

#[tokio::test]
async fn a_header_that_a_server_repeats_is_in_no_log() {
    let told = json!({ "content": [{ "type": "text", "text": format!("you are {KEY}") }] });
    let server = server([answer(2, &told)]).await;
    let log = logged(McpServer::http(server.url()).bearer(KEY)).await;
    assert!(log.contains("you are"), "the subscriber has seen no messages: {log}");
    assert!(!log.contains(KEY), "{log}");
}

#[tokio::test]
async fn an_environment_that_a_server_repeats_is_in_no_log() {
    let folder = tempdir().unwrap();
    let log = logged(peer("revealing", folder.path()).env("API_KEY", KEY)).await;
    assert!(log.contains("API_KEY"), "the subscriber has seen no messages: {log}");
    assert!(!log.contains(KEY), "{log}");
    // A span of the library below would last as long as the connection.
    assert!(!log.contains("serve_inner"), "{log}");
}
