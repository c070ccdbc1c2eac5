//! Answers, calls and failures as a chat shows them.

use raaf_agents::{Agent, Approval, FunctionTool, HostedCall, ModelError, Reply, ScriptedModel};
use serde_json::json;

use super::{
    chatted,
    common::{broken, shout},
    echo,
};

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

#[tokio::test]
async fn an_answer_that_was_not_streamed_is_shown() {
    let tool = FunctionTool::infallible("now", "Tells the time.", |(): ()| async { "noon" })
        .with_final_result();
    let model = ScriptedModel::new("m", [Reply::call("now", json!({}))]);
    let agent = Agent::builder("Clock", model).tool(tool).build();
    assert_eq!(chatted(&agent, &["?"]).await, "· now({})\n✓ now: noon\nnoon\n\n");
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
