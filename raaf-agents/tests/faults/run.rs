//! Runs of an agent on a server with prepared answers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::StreamExt as _;
use raaf_agents::{
    Agent, AgentBuilder, FunctionTool, OpenAiModel, RetryPolicy, RunError, RunErrorKind, RunEvent,
    RunResult, Runner,
};
use raaf_testkit::{Capture, Spans};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::server::{Answer, Request, Server};

const LIMIT: Duration = Duration::from_secs(20);

/// Form of the server's answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    Whole,
    Streamed,
}

pub(crate) const FORMS: [Form; 2] = [Form::Whole, Form::Streamed];

/// Answer of a server to a turn.
pub(crate) enum Turn {
    /// Message, finish reason.
    Says(Json, &'static str),
    /// Body as it is.
    Body(Json),
    /// Status and body.
    Status(u16, Json),
}

pub(crate) fn text(text: &str) -> Turn {
    Turn::Says(json!({"content": text}), "stop")
}

pub(crate) fn call(name: &str, arguments: &str) -> Json {
    json!({"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}})
}

pub(crate) fn calls(calls: &[Json], reason: &'static str) -> Turn {
    Turn::Says(json!({"content": null, "tool_calls": calls}), reason)
}

impl Turn {
    pub(crate) fn answer(&self, form: Form) -> Answer {
        match (self, form) {
            (Self::Status(status, body), _) => Answer::status(*status, &body.to_string()),
            (Self::Body(body), Form::Whole) => Answer::ok(body),
            (Self::Body(body), Form::Streamed) => Answer::stream([body.to_string()]),
            (Self::Says(message, reason), Form::Whole) => {
                Answer::ok(&json!({"choices": [{"message": message, "finish_reason": reason}]}))
            }
            (Self::Says(message, reason), Form::Streamed) => {
                let piece = |delta: &Json, reason: Option<&str>| {
                    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
                        .to_string()
                };
                let end = piece(&json!({}), Some(reason));
                Answer::stream([piece(message, None), end, "[DONE]".to_owned()])
            }
        }
    }
}

/// Outcome of a run.
pub(crate) struct Outcome {
    pub(crate) result: Result<RunResult, RunError>,
    pub(crate) requests: Vec<Request>,
    pub(crate) spans: Spans,
    pub(crate) events: Vec<RunEvent>,
}

impl Outcome {
    pub(crate) fn text(&self) -> &str {
        &self.result.as_ref().unwrap().output
    }

    pub(crate) fn failure(&self) -> &RunErrorKind {
        &self.result.as_ref().unwrap_err().kind
    }

    /// Returns the messages of a request.
    pub(crate) fn sent(&self, request: usize) -> &Vec<Json> {
        self.requests[request].body["messages"].as_array().unwrap()
    }
}

/// Runs an agent on a server that gives these answers.
pub(crate) async fn run(
    form: Form,
    turns: &[Turn],
    build: impl Fn(AgentBuilder) -> AgentBuilder,
) -> Outcome {
    let answers: Vec<_> = turns.iter().map(|turn| turn.answer(form)).collect();
    run_on(form, answers, build).await
}

pub(crate) async fn run_on(
    form: Form,
    answers: Vec<Answer>,
    build: impl Fn(AgentBuilder) -> AgentBuilder,
) -> Outcome {
    let server = Server::start(answers).await;
    let model = OpenAiModel::builder("m")
        .base_url(server.url())
        .timeout(LIMIT)
        .retries(RetryPolicy::new(2).with_delays(Duration::ZERO, Duration::ZERO))
        .build()
        .unwrap();
    let agent = build(Agent::builder("Tester", model)).build();
    let capture = Capture::new();
    let mut events = Vec::new();
    let result = capture
        .run_async(async {
            if form == Form::Whole {
                return Runner::new().run(&agent, "go").await;
            }
            let mut stream = Runner::new().stream(&agent, "go");
            while let Some(event) = stream.next().await {
                match event {
                    Ok(RunEvent::Done(result)) => return Ok(*result),
                    Ok(event) => events.push(event),
                    Err(error) => return Err(error),
                }
            }
            panic!("no end")
        })
        .await;
    let requests = server.requests();
    server.stop();
    Outcome { result, requests, spans: capture.spans_async().await, events }
}

/// A tool that counts its calls.
pub(crate) fn counter(name: &str) -> (FunctionTool, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let tool = FunctionTool::infallible(name, "Counts.", move |(): ()| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { "counted" }
    });
    (tool, count)
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Search {
    pub(crate) query: String,
}

pub(crate) fn search() -> FunctionTool {
    FunctionTool::infallible("search", "Searches.", |Search { query }| async move {
        format!("found {query}")
    })
}
