//! The example, as a user starts it.

use std::process::Command;

use crate::server::{Server, free_addresses};

#[tokio::test]
async fn the_example_survives_its_worker() {
    let Some(server) = Server::start().await else { return };
    let ([admin, ingress], [worker]) = (server.addresses(), free_addresses());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--manifest-path", manifest, "--example", "durable"])
        .env("RESTATE_ADMIN", admin.to_string())
        .env("RESTATE_INGRESS", ingress.to_string())
        .env("WORKER", worker.to_string())
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}{}", String::from_utf8_lossy(&output.stderr));
    assert!(shown.contains("\"tea, searched, published\""), "{shown}");
    assert!(shown.contains("publish never ended"), "{shown}");
    assert!(shown.ends_with("Writer ok\n    publish ok\n    scripted ok\n"), "{shown}");
}
