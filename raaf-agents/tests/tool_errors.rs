//! `error.type` of tools and of what they fail.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

use std::{error::Error, fmt, io};

use async_trait::async_trait;
use raaf_agents::{
    Agent, Content, FunctionTool, OnToolError, Pipeline, Reply, RunErrorKind, Runner,
    ScriptedModel, State, StepError, Tool, ToolError, ToolSpec, service,
};
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{Component, ErrorType, FinishedSpan, Traceable, keys};
use serde_json::{Value as Json, json};

#[derive(Debug, thiserror::Error)]
enum WeatherError {
    #[error("{city} is under water")]
    Flooded { city: String },
}

fn flooded() -> WeatherError {
    WeatherError::Flooded { city: "Venice".to_owned() }
}

#[derive(Debug, thiserror::Error, ErrorType)]
#[error("the station is closed")]
#[error_type("closed")]
struct Closed(#[source] WeatherError);

/// Error whose `Debug` form hides its name.
struct Plain;

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("something plain")
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("plain")
    }
}

impl Error for Plain {}

/// The span of a call of the tool, which fails.
async fn span_of(tool: impl Tool) -> FinishedSpan {
    let capture = Capture::new();
    capture.run_async(tool.call(json!({}))).await.unwrap_err();
    capture.spans_async().await.only("get_weather").clone()
}

/// The type of a tool's failure, for a function that fails with this error.
macro_rules! type_of {
    ($error:expr) => {{
        let tool =
            FunctionTool::new("get_weather", "Tells.", |(): ()| async { Err::<(), _>($error) });
        let span = span_of(tool).await;
        span.error().unwrap().kind().to_owned()
    }};
}

#[tokio::test]
async fn g17_a_tool_fails_with_the_type_of_its_function_s_error() {
    assert_eq!(type_of!(flooded()), "WeatherError::Flooded");
    assert_eq!(type_of!(Closed(flooded())), "closed");
    assert_eq!(type_of!(Plain), "Plain");
    assert_eq!(type_of!(io::Error::from(io::ErrorKind::TimedOut)), "io::Error::TimedOut");
    assert_eq!(type_of!(anyhow::Error::from(Closed(flooded()))), "closed");
    assert_eq!(type_of!(anyhow::Error::from(flooded()).context("asking")), "Flooded");
    assert_eq!(type_of!(Box::<dyn Error + Send + Sync>::from(Closed(flooded()))), "closed");
}

#[tokio::test]
async fn g17_a_tool_that_fails_with_a_message_says_that_it_failed() {
    assert_eq!(type_of!("under water"), "ToolError::Failed");
    assert_eq!(type_of!("under water".to_owned()), "ToolError::Failed");
    assert_eq!(type_of!(anyhow::anyhow!("under water")), "ToolError::Failed");
    assert_eq!(type_of!(Box::<dyn Error + Send + Sync>::from("under water")), "ToolError::Failed");
}

#[derive(Traceable)]
struct Station {
    component: Component,
    spec: ToolSpec,
}

#[async_trait]
impl Tool for Station {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn invoke(&self, _: Json) -> Result<Content, ToolError> {
        Err(ToolError::Failed { tool: "get_weather".to_owned(), source: Closed(flooded()).into() })
    }
}

#[tokio::test]
async fn g17_a_tool_of_one_s_own_fails_with_the_type_of_its_error() {
    let spec = ToolSpec::new("get_weather", "Tells.", json!({"type": "object"}));
    let span = span_of(Station { component: Component::tool("get_weather"), spec }).await;
    assert_eq!(span.error().unwrap().kind(), "closed");
}

#[tokio::test]
async fn g17_the_cause_is_in_the_exception_and_can_be_found_by_its_type() {
    let tool =
        FunctionTool::new("get_weather", "Tells.", |(): ()| async { Err::<(), _>(flooded()) });
    let capture = Capture::new();
    let error = capture.run_async(tool.call(json!({}))).await.unwrap_err();
    let ToolError::Failed { source, .. } = &error else { panic!("another: {error:?}") };
    let source: &(dyn Error + 'static) = &**source;
    let causes = std::iter::successors(Some(source), |cause| (**cause).source());
    let mut known = causes.filter_map(<dyn Error>::downcast_ref::<WeatherError>);
    assert!(known.next().is_some(), "{error:?}");
    let whole = "`get_weather` failed: Venice is under water";
    assert_span_tree!(capture.spans_async().await, {
        tool "get_weather" [
            error "WeatherError::Flooded",
            "error.message" = whole,
            event "exception" ["exception.message" = whole]
        ]
    });
}

#[tokio::test]
async fn g17_a_run_fails_with_the_type_of_the_tool_s_error() {
    let tool = FunctionTool::new("get_weather", "Tells.", |(): ()| async {
        Err::<(), _>(anyhow::Error::from(Closed(flooded())))
    });
    let model = ScriptedModel::new("scripted", [Reply::call("get_weather", json!({}))]);
    let agent =
        Agent::builder("Guide", model).tool(tool.with_on_error(OnToolError::FailRun)).build();
    let capture = Capture::with(|provider| provider.include_sensitive_data(false));
    let error = capture.run_async(Runner::new().run(&agent, "go")).await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::Tool(ToolError::Failed { .. })));
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, {
        runner "Runner" [error "closed"] {
            agent "Guide" [error "closed"] {
                llm *
                tool "get_weather" [error "closed", !"error.message"]
            }
        }
    });
    assert!(spans.iter().all(|span| span.attributes().get(keys::ERROR_CHAIN).is_none()));
}

#[tokio::test]
async fn g17_a_step_fails_with_the_type_in_its_report() {
    let step = service("Ask", |_: State| async { Err(anyhow::Error::from(flooded()).into()) });
    let pipeline = Pipeline::builder("Tour").then(step).build().unwrap();
    let capture = Capture::new();
    let error = capture.run_async(pipeline.run(State::new())).await.unwrap_err();
    assert!(matches!(error.source, StepError::Function(_)));
    assert_span_tree!(capture.spans_async().await, {
        pipeline "Tour" [error "Flooded"] { component "Ask" [error "Flooded"] }
    });
}
