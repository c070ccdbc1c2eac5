//! Chats with an agent, driven by lines.

#![cfg(feature = "repl")]
#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

mod common;

use std::{
    io,
    sync::{Arc, Mutex},
};

use common::{broken, shout};
use futures::{
    StreamExt as _,
    channel::mpsc::{self, UnboundedReceiver, UnboundedSender},
    stream,
};
use raaf_agents::{
    Agent, Approval, CancellationToken, FunctionTool, HostedCall, HostedTool, MemorySession,
    Message, Model, ModelChunk, ModelError, ModelRequest, ModelResponse, ModelStream, Repl, Reply,
    RunConfig, Runner, ScriptedModel, ToolCall, ToolResult,
};
use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use serde_json::json;

#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<u8>>>);

impl io::Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shown {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn chat(agent: &Agent, lines: &[&str]) -> (Repl, Shown) {
    let shown = Shown::default();
    let lines: Vec<_> = lines.iter().map(|line| Ok((*line).to_owned())).collect();
    (Repl::new(agent).input(stream::iter(lines)).output(shown.clone()), shown)
}

/// Returns what a chat shows.
async fn chatted(agent: &Agent, lines: &[&str]) -> String {
    let (chat, shown) = chat(agent, lines);
    chat.run().await.unwrap();
    shown.text()
}

/// A model that answers with the texts of the messages that it receives.
fn echo() -> ScriptedModel {
    ScriptedModel::from_fn("echo", |request: &ModelRequest| {
        let texts = request.messages.iter().map(|message| message.text().into_owned());
        texts.collect::<Vec<_>>().join(" / ")
    })
}

#[tokio::test]
async fn answers_are_shown_and_the_conversation_goes_on() {
    let agent = Agent::builder("Parrot", echo()).build();
    let shown = chatted(&agent, &["one", "", "  ", "two"]).await;
    assert_eq!(shown, "one\n\none / one / two\n\n");
}

#[tokio::test]
async fn tools_their_failures_and_hand_offs_are_shown_as_they_happen() {
    let model = ScriptedModel::new(
        "m",
        [
            Reply::call("shout", json!({ "text": "hi" })),
            Reply::call("broken", json!({ "text": "it" })),
            Reply::call("transfer_to_billing", json!({})),
        ],
    );
    let billing = Agent::builder("Billing", ScriptedModel::new("b", ["Paid.", "Welcome."])).build();
    let desk = Agent::builder("Desk", model).tool(shout()).tool(broken()).handoff(billing).build();
    let expected = r#"· shout({"text":"hi"})
✓ shout: HI
· broken({"text":"it"})
✗ broken: `broken` failed: no luck with it
→ Billing
Paid.

Welcome.

"#;
    // The agent that has taken over answers the next line.
    assert_eq!(chatted(&desk, &["Pay it.", "Thanks!"]).await, expected);
}

#[tokio::test]
async fn calls_inside_a_tool_are_indented_and_its_text_is_the_result() {
    let inner = [Reply::call("shout", json!({ "text": "roses" })), Reply::text("ROSES are red.")];
    let poet = Agent::builder("Poet", ScriptedModel::new("p", inner)).tool(shout()).build();
    let model = [Reply::call("write", json!({ "input": "a poem" })), Reply::text("Here it is.")];
    let editor = Agent::builder("Editor", ScriptedModel::new("e", model))
        .tool(poet.as_tool("write", "Writes."))
        .build();
    let expected = r#"· write({"input":"a poem"})
  · shout({"text":"roses"})
  ✓ shout: ROSES
✓ write: ROSES are red.
Here it is.

"#;
    assert_eq!(chatted(&editor, &["Write!"]).await, expected);
}

fn refunding(calls: usize) -> Agent {
    let refund = FunctionTool::infallible("refund", "Refunds.", |(): ()| async { "refunded" })
        .with_approval(Approval::always());
    let model = ScriptedModel::from_fn("m", move |request: &ModelRequest| {
        let done =
            request.messages.iter().rev().take_while(|message| message.role.as_str() != "user");
        match done.count() / 2 {
            turn if turn < calls => Reply::call("refund", json!({})),
            _ => Reply::text(request.messages.last().unwrap().text().into_owned()),
        }
    });
    Agent::builder("Clerk", model).tool(refund).build()
}

const ASKED: &str = "? Clerk wants to call refund({})\n  Allow it? [y]es, [n]o, [a]lways: \n";

#[tokio::test]
async fn an_approved_call_runs_and_each_further_one_is_asked_for() {
    let shown = chatted(&refunding(2), &["Refund!", "maybe", "y", "YES"]).await;
    let again = "  Allow it? [y]es, [n]o, [a]lways: \n";
    let done = "· refund({})\n✓ refund: refunded\n";
    assert_eq!(shown, format!("{ASKED}{again}{done}{ASKED}{done}refunded\n\n"));
}

#[tokio::test]
async fn a_turn_is_one_tree_also_over_its_approvals() {
    let (chat, _) = chat(&refunding(1), &["Refund!", "y", "Again!", "n no more"]);
    let capture = Capture::new();
    let workflow = raaf_trace_core::trace("chat");
    capture.run_async(workflow.try_in_span(chat.run())).await.unwrap();
    let spans = capture.spans_async().await;
    assert_coherent!(spans);
    assert_span_tree!(spans, {
        trace "chat" [ok] {
            agent "Clerk" ["paused" = true] {
                llm "m" ["model.tools" = json!(["refund"]), "gen_ai.request.stream" = true]
                agent "Clerk" [ok, "resumed" = true] {
                    tool "refund" [ok, "tool.approval" = "approved"]
                    llm "m"
                }
            }
            agent "Clerk" ["paused" = true] {
                llm "m"
                agent "Clerk" [ok, "resumed" = true] {
                    tool "refund" [error "ToolError::Rejected", "tool.approval" = "rejected"]
                    llm "m"
                }
            }
        }
    });
}

#[tokio::test]
async fn a_call_that_is_always_allowed_is_asked_for_once_in_the_chat() {
    let shown = chatted(&refunding(2), &["Refund!", "a", "Refund again!"]).await;
    assert_eq!(shown.matches(ASKED).count(), 1, "{shown}");
    assert_eq!(shown.matches("✓ refund: refunded").count(), 4, "{shown}");
}

#[tokio::test]
async fn the_model_receives_the_reason_of_a_rejection() {
    let shown = chatted(&refunding(1), &["Refund!", "n it is too late"]).await;
    assert!(shown.ends_with("it is too late\n\n"), "{shown}");
    let shown = chatted(&refunding(1), &["Refund!", "no", "too much"]).await;
    assert!(shown.contains("  Reason, for the model: \n"), "{shown}");
    assert!(shown.ends_with("too much\n\n"), "{shown}");
    let shown = chatted(&refunding(1), &["Refund!", "n", ""]).await;
    assert!(shown.ends_with("The user rejected the call.\n\n"), "{shown}");
}

#[tokio::test]
async fn the_end_of_the_input_rejects_nothing_and_runs_nothing() {
    let shown = chatted(&refunding(1), &["Refund!"]).await;
    let end = "(ended while a call waited for an approval)\n\n";
    assert_eq!(shown, format!("{ASKED}{end}"));
}

#[tokio::test]
async fn what_models_and_tools_write_does_not_control_the_terminal() {
    let evil = "\u{1b}[2J\u{9b}1m\u{7}\u{202e}a\tb\rc\r\nd";
    let tool = FunctionTool::infallible("look", "Looks.", move |(): ()| async move { evil });
    let model = [Reply::call("look", json!({})), Reply::text(evil)];
    let agent = Agent::builder("A", ScriptedModel::new("m", model)).tool(tool).build();
    let shown = chatted(&agent, &["Go!"]).await;
    let expected = "· look({})\n\
        ✓ look: \\u{1b}[2J\\u{9b}1m\\u{7}\\u{202e}a\\tb\\rc\\r\\nd\n\
        \\u{1b}[2J\\u{9b}1m\\u{7}\\u{202e}a    bc\nd\n\n";
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn long_results_are_cut_and_wishes_are_not() {
    let long = "x".repeat(1_000);
    let result = long.clone();
    let tool = FunctionTool::infallible("look", "Looks.", move |_: serde_json::Value| {
        let result = result.clone();
        async move { result }
    })
    .with_approval(Approval::always());
    let model = [Reply::call("look", json!({ "at": long.clone() })), Reply::text("Seen.")];
    let agent = Agent::builder("A", ScriptedModel::new("m", model)).tool(tool).build();
    let shown = chatted(&agent, &["Go!", "y"]).await;
    assert!(shown.contains(&format!("look({{\"at\":\"{long}\"}})\n")), "{shown}");
    assert!(shown.lines().any(|line| line.ends_with('…') && line.chars().count() == 201));
}

#[tokio::test]
async fn a_failed_run_is_shown_and_the_chat_goes_on() {
    let error = ModelError::Other { message: "no route\u{7}".to_owned(), retryable: false };
    let model = ScriptedModel::new("m", [Reply::error(error), Reply::text("Here again.")]);
    let agent = Agent::builder("A", model).build();
    let shown = chatted(&agent, &["One.", "Two."]).await;
    let error = "✗ agent `A` (turn 1): the model call failed: no route\\u{7}\n\n";
    assert_eq!(shown, format!("{error}Here again.\n\n"));
}

/// A model that streams a word, interrupts the chat, and never ends; later it echoes.
struct Interrupting(UnboundedSender<()>);

#[async_trait::async_trait]
impl Model for Interrupting {
    #[allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]
    fn name(&self) -> &str {
        "slow"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        echo().respond(request).await
    }

    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        if request.messages.len() > 1 {
            let response = self.respond(request);
            let response = async { Ok(ModelChunk::Done(Box::new(response.await?))) };
            return stream::once(response).boxed();
        }
        let word = stream::once(async { Ok(ModelChunk::Text("Well, ".to_owned())) });
        let never = stream::once(async {
            self.0.unbounded_send(()).unwrap();
            futures::future::pending().await
        });
        word.chain(never).boxed()
    }
}

fn interrupting() -> (Agent, UnboundedReceiver<()>) {
    let (sender, interrupts) = mpsc::unbounded();
    (Agent::builder("Slow", Interrupting(sender)).build(), interrupts)
}

#[tokio::test]
async fn an_interrupt_cancels_the_turn_and_the_session_keeps_what_was_said() {
    let (agent, interrupts) = interrupting();
    let (chat, shown) = chat(&agent, &["Tell me.", "Go on."]);
    let capture = Capture::new();
    capture.run_async(chat.interrupts(interrupts).run()).await.unwrap();
    assert_eq!(shown.text(), "Well, \n(cancelled)\n\nTell me. / Well,  / Go on.\n\n");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [cancelled] {
            agent "Slow" [cancelled] {
                llm "slow" [cancelled]
            }
        }
        runner "Runner" {
            agent "Slow" {
                llm "slow"
            }
        }
    });
}

#[tokio::test]
async fn an_interrupt_between_turns_ends_a_chat_without_a_terminal() {
    let agent = Agent::builder("A", echo()).build();
    let chat = Repl::new(&agent).input(stream::pending()).interrupts(stream::iter([()]));
    chat.output(Shown::default()).run().await.unwrap();
}

#[tokio::test]
async fn the_token_of_the_configuration_ends_the_chat() {
    let (agent, mut interrupts) = interrupting();
    let token = CancellationToken::new();
    let runner = Runner::new().with_config(RunConfig::new().cancellation(token.clone()));
    let (chat, shown) = chat(&agent, &["Tell me.", "Go on."]);
    let chat = chat.runner(runner).interrupts(stream::pending());
    let ending = async {
        interrupts.next().await;
        token.cancel();
    };
    // A chat can run in a task of its own.
    let (ended, ()) = futures::future::join(tokio::spawn(chat.run()), ending).await;
    ended.unwrap().unwrap();
    assert_eq!(shown.text(), "Well, \n(cancelled)\n\n");
}

#[tokio::test]
async fn a_session_of_the_configuration_is_continued() {
    let session = MemorySession::new();
    let runner = Runner::new().with_config(RunConfig::new().session(session.clone()));
    let agent = Agent::builder("Parrot", echo()).build();
    for line in ["one", "two"] {
        let (chat, _) = chat(&agent, &[line]);
        chat.runner(runner.clone()).run().await.unwrap();
    }
    assert_eq!(session.messages().last().unwrap().text(), "one / one / two");
}

#[tokio::test]
async fn an_answer_that_was_not_streamed_is_shown() {
    let tool = FunctionTool::infallible("now", "Tells the time.", |(): ()| async { "noon" })
        .with_final_result();
    let model = ScriptedModel::new("m", [Reply::call("now", json!({}))]);
    let agent = Agent::builder("Clock", model).tool(tool).build();
    assert_eq!(chatted(&agent, &["?"]).await, "· now({})\n✓ now: noon\nnoon\n\n");
}

#[tokio::test]
async fn a_line_that_cannot_be_read_is_an_error() {
    let agent = Agent::builder("A", echo()).build();
    let lines = stream::iter([Err(io::Error::other("gone"))]);
    let error = Repl::new(&agent).input(lines).run().await.unwrap_err();
    assert_eq!(error.to_string(), "gone");
}

/// The program that a test runs on a terminal.
#[tokio::test]
#[ignore = "it needs a terminal and a person"]
async fn chat_in_a_terminal() {
    let (agent, _interrupts) = interrupting();
    raaf_agents::repl(&agent).await.unwrap();
}

/// The program that a test runs on a terminal: a chat that is ended while it waits for a line.
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "it needs a terminal"]
async fn chat_that_is_ended_in_a_terminal() {
    use std::process::{Command, Stdio};

    fn is_editing() -> bool {
        let modes = Command::new("stty").arg("-a").stdin(Stdio::inherit()).output().unwrap();
        String::from_utf8(modes.stdout).unwrap().contains("-icanon")
    }

    let token = CancellationToken::new();
    let ending = token.clone();
    let watch = std::thread::spawn(move || {
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
#[cfg(target_os = "linux")]
async fn on_a_terminal(program: &str, keys: &[(&str, &str)]) -> Result<String, String> {
    use std::{env, process::Stdio, time::Duration};

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        process::Command,
        time::timeout,
    };

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

#[cfg(target_os = "linux")]
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
        Ok(shown) => assert!(shown.contains("test chat_in_a_terminal ... ok"), "{shown}"),
        Err(reason) => eprintln!("skipped, {reason}"),
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_chat_that_is_ended_gives_the_terminal_back() {
    match on_a_terminal("chat_that_is_ended_in_a_terminal", &[]).await {
        Ok(shown) => assert!(shown.contains("in_a_terminal ... ok"), "{shown}"),
        Err(reason) => eprintln!("skipped, {reason}"),
    }
}

/// A model that asks whether it may call a tool of one name at two hosted servers.
struct Asking;

#[async_trait::async_trait]
impl Model for Asking {
    fn name(&self) -> &'static str {
        "asking"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let results = request.messages.iter().flat_map(Message::tool_results);
        let results: Vec<_> = results.map(ToolResult::text).collect();
        if !results.is_empty() {
            return Ok(ModelResponse::new(Message::assistant(results.join(" / "))));
        }
        let calls = ["files", "bank"].map(|server| {
            let mut call = ToolCall::new(format!("at_{server}"), "delete", &json!({}));
            call.hosted_by = Some(server.to_owned());
            call
        });
        Ok(ModelResponse::new(Message::calls(calls)))
    }
}

#[tokio::test]
async fn a_call_that_is_always_allowed_at_one_server_is_asked_for_at_another() {
    let server = |label: &str| HostedTool::mcp(label, "https://host/mcp");
    let clerk = Agent::builder("Clerk", Asking)
        .hosted_tool(server("files"))
        .hosted_tool(server("bank"))
        .build();
    let shown = chatted(&clerk, &["Go!", "a", "n not there"]).await;
    let wishes: Vec<_> = shown.lines().filter(|line| line.starts_with('?')).collect();
    let expected =
        ["? Clerk wants to call files/delete({})", "? Clerk wants to call bank/delete({})"];
    assert_eq!(wishes, expected, "{shown}");
    assert!(shown.ends_with("approved / not there\n\n"), "{shown}");
}

#[tokio::test]
async fn calls_of_hosted_tools_are_shown_once_they_have_ended() {
    let mut search = HostedCall::new("ws_1", "web_search");
    search.arguments = json!({ "query": "rain\u{7}" });
    search.status = Some("completed".to_owned());
    let mut broken = HostedCall::new("mcp_1", "mcp");
    (broken.server, broken.name) = (Some("docs".to_owned()), Some("find".to_owned()));
    broken.error = Some("no docs".to_owned());
    let mut going = HostedCall::new("ws_2", "web_search");
    going.status = Some("searching".to_owned());
    let mut listing = HostedCall::new("mcpl_1", "mcp_list_tools");
    listing.status = Some("completed".to_owned());
    let calls = [search, broken, going, listing];
    let reply = calls.into_iter().fold(Reply::text("It rains."), Reply::with_hosted_call);
    let agent = Agent::builder("A", ScriptedModel::new("m", [reply])).build();
    let expected = "· web_search({\"query\":\"rain\\u0007\"})\n✗ docs/find: no docs\nIt rains.\n\n";
    assert_eq!(chatted(&agent, &["Go!"]).await, expected);
}
