//! Proxies of the environment, each in a process of its own, since the environment is the process's.

#![cfg(all(feature = "openai", feature = "mcp"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod server;

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use raaf_agents::{Message, Model as _, ModelRequest, OpenAiModel, RetryPolicy, mcp::McpServer};
use serde_json::json;

use server::{Answer, Server};

/// Variable with the URL that the other process calls.
const URL: &str = "RAAF_TEST_PROXIED_URL";

/// Calls a model and an MCP server at the URL in another process with this proxy. Returns the answer or
/// the errors.
fn call(url: &str, proxy: &str) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "the_process_that_calls", "--nocapture", "--test-threads=1"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    command.env(URL, url).env("ALL_PROXY", proxy).stdout(Stdio::piped());
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[tokio::test]
async fn the_process_that_calls() {
    let Ok(url) = env::var(URL) else { return };
    let model = OpenAiModel::builder("m").base_url(&url).api_key("sk-secret");
    let model = model.retries(RetryPolicy::new(0)).build().unwrap();
    match model.respond(&ModelRequest::new([Message::user("hi")])).await {
        Ok(response) => println!("model: {}", response.message.text()),
        Err(error) => println!("model: {} {error}", error.is_retryable()),
    }
    let shop = McpServer::http(&url).connect_timeout(Duration::from_secs(1));
    if let Err(error) = shop.connect().await {
        println!("mcp: {error}");
    }
}

/// Returns an address that refuses connections.
fn refusing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_this_machine_is_called_without_a_proxy() {
    let answer = json!({"choices": [{"message": {"content": "hello"}}]});
    let server = Server::start([Answer::ok(&answer)]).await;
    let url = server.url();
    let proxy = format!("http://{}", refusing());
    let output = tokio::task::spawn_blocking(move || call(&url, &proxy)).await.unwrap();
    assert!(output.contains("model: hello"), "{output}");
    assert!(!output.contains("through the proxy"), "{output}");
}

#[test]
fn an_error_names_the_proxy_without_its_user() {
    let proxy = refusing();
    for url in ["http://models.invalid/v1", "https://models.invalid/v1"] {
        let output = call(url, &format!("http://me:pass-word@{proxy}"));
        let named = format!("through the proxy http://{proxy}");
        assert_eq!(output.matches(&named).count(), 2, "{output}");
        assert_eq!(output.matches("client error (Connect)").count(), 2, "the cause: {output}");
        assert!(!output.contains("pass-word"), "{output}");
    }
}

/// Starts a proxy that requires a user, and returns its address.
fn wanting() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let _ =
                lines.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).count();
            let _ = stream.write_all(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n");
        }
    });
    address
}

#[test]
fn a_proxy_that_wants_a_user_is_not_asked_again() {
    let proxy = wanting();
    for url in ["http://models.invalid/v1", "https://models.invalid/v1"] {
        let output = call(url, &format!("http://{proxy}"));
        let said = format!("the proxy http://{proxy} requires a user and a password");
        assert!(output.contains("model: false ") && output.contains(&said), "{output}");
    }
}
