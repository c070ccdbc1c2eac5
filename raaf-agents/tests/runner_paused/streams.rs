//! Streams of runs that pause.

use futures::StreamExt as _;
use raaf_agents::{RunEvent, RunStream, Runner};

use super::{approve_first, cleaner, nested, ran::Ran, stored};

#[tokio::test]
async fn streams_pause_and_go_on() {
    let ran = Ran::default();
    let agent = cleaner(&ran);
    let names = |event: &RunEvent| match event {
        RunEvent::ToolCall { call, .. } => format!("call {}", call.name),
        RunEvent::ToolResult { tool, .. } => format!("result {tool}"),
        RunEvent::AgentChanged { agent } => format!("agent {agent}"),
        RunEvent::TextDelta { .. } => "text".to_owned(),
        RunEvent::Done(_) => "done".to_owned(),
        other => format!("{other:?}"),
    };
    let runner = Runner::new();
    let mut events = Vec::new();
    let mut stream = runner.stream(&agent, "go");
    let mut state = loop {
        match stream.next().await.unwrap() {
            Ok(event) => events.push(names(&event)),
            Err(error) => break stored(error),
        }
    };
    assert!(stream.next().await.is_none());
    assert_eq!(events, ["agent Cleaner", "call note", "result note"]);
    approve_first(&mut state);
    let stream = runner.resume_stream(&agent, state);
    let events: Vec<_> = stream.map(|event| names(&event.unwrap())).collect().await;
    assert_eq!(events, ["call delete", "result delete", "text", "done"]);
}

#[tokio::test]
async fn streams_of_agents_that_are_tools_pause_and_go_on() {
    let ran = Ran::default();
    let events = async |mut stream: RunStream| {
        let mut tools = Vec::new();
        loop {
            match stream.next().await {
                Some(Ok(event)) => {
                    if let RunEvent::ToolCall { agent, call } = event.innermost() {
                        tools.push(format!("{agent} {}", call.name));
                    }
                }
                Some(Err(error)) => return (tools, Some(stored(error))),
                None => return (tools, None),
            }
        }
    };
    let runner = Runner::new();
    let (mut tools, state) = events(runner.stream(&nested(&ran), "go")).await;
    tools.sort();
    assert_eq!(tools, ["Middle work", "Top ask", "Top note", "Worker look"]);
    let mut state = state.unwrap();
    for call in state.pending() {
        state.approve(&call.key).unwrap();
    }
    let (mut tools, state) = events(runner.resume_stream(&nested(&ran), state)).await;
    assert!(state.is_none());
    tools.sort();
    assert_eq!(tools, ["Top write", "Worker write"]);
}
