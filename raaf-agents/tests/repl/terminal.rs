//! Chats on a terminal that `script` makes.

use std::{
    env,
    process::{self, Stdio},
    thread,
    time::Duration,
};

use raaf_agents::{Agent, CancellationToken, Repl, RunConfig, Runner};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
    time::timeout,
};

use super::{echo, turns::interrupting};

/// The program that a test runs on a terminal.
#[tokio::test]
#[ignore = "it needs a terminal and a person"]
async fn chat_in_a_terminal() {
    let (agent, _interrupts) = interrupting();
    raaf_agents::repl(&agent).await.unwrap();
}

/// The program that a test runs on a terminal: a chat that is ended while it waits for a line.
#[tokio::test]
#[ignore = "it needs a terminal"]
async fn chat_that_is_ended_in_a_terminal() {
    fn is_editing() -> bool {
        let modes =
            process::Command::new("stty").arg("-a").stdin(Stdio::inherit()).output().unwrap();
        String::from_utf8(modes.stdout).unwrap().contains("-icanon")
    }

    let token = CancellationToken::new();
    let ending = token.clone();
    let watch = thread::spawn(move || {
        while !is_editing() {}
        ending.cancel();
    });
    let runner = Runner::new().with_config(RunConfig::new().cancellation(token));
    let agent = Agent::builder("A", echo()).build();
    Repl::new(&agent).runner(runner).run().await.unwrap();
    watch.join().unwrap();
    assert!(!is_editing());
}

/// Runs one of the programs above on a terminal: presses keys when it shows a text. Returns what it shows
/// at last, or the reason why there can be no terminal.
async fn on_a_terminal(program: &str, keys: &[(&str, &str)]) -> Result<String, String> {
    let test = env::current_exe().unwrap();
    let program = format!("exec '{}' --ignored --nocapture {program}", test.display());
    let started = Command::new("script")
        .args(["--quiet", "--flush", "--return", "--command", &program, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut terminal =
        started.map_err(|error| format!("`script` cannot make a terminal: {error}"))?;
    let mut keyboard = terminal.stdin.take().unwrap();
    let mut screen = terminal.stdout.take().unwrap();
    let mut seen = String::new();
    let chat = async {
        for (text, keys) in keys.iter().chain([&("test result", "")]) {
            while !seen.contains(text) {
                let mut bytes = [0; 1024];
                let count = screen.read(&mut bytes).await.unwrap();
                assert_ne!(count, 0, "it ended before it showed {text:?}: {seen}");
                seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
            if !keys.is_empty() {
                seen.clear();
                keyboard.write_all(keys.as_bytes()).await.unwrap();
            }
        }
    };
    let ended = timeout(Duration::from_secs(60), chat).await;
    assert!(ended.is_ok(), "{seen}");
    // `script` waits for more keys otherwise.
    drop(keyboard);
    assert!(terminal.wait().await.unwrap().success(), "{seen}");
    Ok(seen)
}

#[tokio::test]
async fn on_a_terminal_ctrl_c_clears_a_line_or_cancels_a_turn_and_ctrl_d_ends() {
    // Keys that are pressed before a prompt is drawn may be lost between two lines.
    let prompt = "> \r\u{1b}[2C\u{1b}[?2026l";
    let keys = [
        (prompt, "not this"),
        ("not this", "\u{3}"),
        (prompt, "Tell me.\r"),
        ("Well, ", "\u{3}"),
        ("(cancelled)\r\n\r\n", ""),
        (prompt, "Go on.\r"),
        ("Tell me. / Well,  / Go on.\r\n\r\n", ""),
        (prompt, "\u{4}"),
    ];
    match on_a_terminal("chat_in_a_terminal", &keys).await {
        Ok(shown) => assert!(shown.contains("chat_in_a_terminal ... ok"), "{shown}"),
        Err(reason) => eprintln!("skipped, {reason}"),
    }
}

#[tokio::test]
async fn a_chat_that_is_ended_gives_the_terminal_back() {
    match on_a_terminal("chat_that_is_ended_in_a_terminal", &[]).await {
        Ok(shown) => assert!(shown.contains("in_a_terminal ... ok"), "{shown}"),
        Err(reason) => eprintln!("skipped, {reason}"),
    }
}
