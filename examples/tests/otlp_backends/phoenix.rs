//! A backend shows what was sent: tree, kinds, models, tokens, inputs and outputs.

use std::{collections::BTreeMap, error::Error, fmt::Write as _, time::Duration};

use raaf_processors::{OtlpError, OtlpNames, OtlpSink};
use raaf_trace_core::{FinishedSpan, Kind, SpanExporter as _, TraceId, Value, keys};
use serde_json::{Value as Json, json};
use tokio::process::{Child, Command};

use super::{
    LONG,
    python::{self, Program},
    workflow::{self, QUESTION},
};

const PROGRAM: Program =
    Program { variable: "RAAF_PHOENIX", package: "arize-phoenix", file: "bin/phoenix" };
const PROJECT: &str = "raaf-tests";

struct Phoenix {
    url: String,
    /// Ends with the test, and so do the files that it keeps.
    _process: Child,
    _folder: tempfile::TempDir,
}

impl Phoenix {
    /// The backend, up and answering; else why it cannot be had.
    async fn start() -> Result<Self, String> {
        let program = PROGRAM.find().await?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (http, grpc) = (python::free_address().await?, python::free_address().await?);
        let mut command = Command::new(program);
        command
            .arg("serve")
            .env("PHOENIX_HOST", "127.0.0.1")
            .env("PHOENIX_PORT", http.port().to_string())
            .env("PHOENIX_GRPC_PORT", grpc.port().to_string())
            .env("PHOENIX_WORKING_DIR", folder.path())
            .env("PHOENIX_TELEMETRY_ENABLED", "false");
        let mut process = python::start(&mut command)?;
        let url = format!("http://{http}");
        let is_up = || async { get(&format!("{url}/v1/projects")).is_ok() };
        python::comes_up(&mut process, is_up).await?;
        Ok(Self { url, _process: process, _folder: folder })
    }

    /// The spans of a trace in the order in which they started, once so many can be seen.
    async fn spans(&self, trace: TraceId, count: usize) -> Result<Vec<Json>, Box<dyn Error>> {
        let trace = trace.hex();
        let url = format!("{}/v1/projects/{PROJECT}/spans?limit=1000&trace_id={trace}", self.url);
        let seen = async {
            loop {
                // Unknown until its first span was written.
                if let Ok(Json::Array(spans)) = get(&url).map(|mut page| page["data"].take())
                    && spans.len() >= count
                {
                    return spans;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let mut spans = tokio::time::timeout(LONG, seen).await?;
        spans.sort_by(|one, other| one["start_time"].as_str().cmp(&other["start_time"].as_str()));
        Ok(spans)
    }
}

fn get(url: &str) -> Result<Json, Box<dyn Error>> {
    Ok(serde_json::from_str(&ureq::get(url).call()?.body_mut().read_to_string()?)?)
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stderr, reason = "who reads the log has to see that nothing was tested")]
async fn a_backend_shows_agents_tools_models_and_tokens() -> Result<(), Box<dyn Error>> {
    let phoenix = match Phoenix::start().await {
        Ok(phoenix) => phoenix,
        Err(reason) => {
            eprintln!("skipped, there is no Phoenix: {reason}");
            return Ok(());
        }
    };
    shows_a_workflow(&phoenix).await?;
    takes_hostile_content(&phoenix).await
}

fn sink(phoenix: &Phoenix) -> Result<OtlpSink, OtlpError> {
    OtlpSink::builder()
        .endpoint(&phoenix.url)
        .resource_attribute("openinference.project.name", PROJECT)
        .names(OtlpNames::GenAi)
        .gzip(true)
        .build()
}

/// A span that a backend cannot read may not cost the others of its batch.
async fn takes_hostile_content(phoenix: &Phoenix) -> Result<(), Box<dyn Error>> {
    let root = FinishedSpan::builder(Kind::Agent, "calm").build();
    let hostile = FinishedSpan::builder(Kind::Tool, "a\0b\u{1b}[31m")
        .child_of(&root)
        .attribute("nothing\0", "a\0b")
        .attribute("not.a.number", f64::NAN)
        .attribute("endless", f64::INFINITY)
        .attribute("large", Value::json(&u64::MAX))
        .attribute("null", Value::json(&()))
        .attribute("half", r#"{"half":"\ud800"}"#)
        .attribute("", "no key")
        .attribute("a..b", 1)
        .attribute("a", 2)
        .attribute("deep", Value::json(&(0..60).fold(json!(1), |inner, _| json!([inner]))))
        .attribute("huge", "x".repeat(10_000_000))
        .attribute(keys::GEN_AI_INPUT_MESSAGES, "no JSON")
        .error("E\0", "m\0")
        .build();
    let trace = root.trace_id();
    sink(phoenix)?.export(&[hostile, root])?;
    let spans = phoenix.spans(trace, 2).await?;
    let calm = spans.iter().find(|span| span["name"] == "invoke_agent calm");
    assert!(calm.is_some(), "{} spans", spans.len());
    Ok(())
}

async fn shows_a_workflow(phoenix: &Phoenix) -> Result<(), Box<dyn Error>> {
    let trace = workflow::run(sink(phoenix)?).await?;
    let spans = phoenix.spans(trace, TREE.lines().count()).await?;
    assert_eq!(drawn(&spans), TREE);

    let called = |name: &str| spans.iter().filter(|span| span["name"] == name).collect::<Vec<_>>();
    let root = &called("invoke_workflow support")[0]["attributes"];
    assert_eq!(root["session.id"], "conversation-17");
    assert_eq!(root["metadata.tenant"], 7);

    let agent = &called("invoke_agent Triage")[0]["attributes"];
    assert_eq!(agent["input.value"], QUESTION);
    assert_eq!(agent["llm.model_name"], "scripted");

    let model = &called("chat scripted")[0]["attributes"];
    assert!(model["llm.token_count.prompt"].as_u64() > Some(0), "{model}");
    assert!(model["llm.token_count.completion"].as_u64() > Some(0), "{model}");
    assert_eq!(model["llm.input_messages.0.message.content"], "Find out what is wrong.");
    assert_eq!(model["llm.input_messages.1.message.content"], QUESTION);
    let call = "llm.output_messages.0.message.tool_calls.0.tool_call.function.name";
    assert_eq!(model[call], "look_up");

    let tools = called("execute_tool look_up");
    let [failed, found] = tools[..] else { return Err(format!("{tools:?}").into()) };
    assert_eq!((&failed["status_code"], &found["status_code"]), (&"ERROR".into(), &"OK".into()));
    assert_eq!(failed["status_message"], "`look_up` failed");
    assert_eq!(failed["attributes"]["error.chain"][0], "no such order");
    assert_eq!(failed["events"][0]["name"], "exception");
    let found = &found["attributes"];
    assert_eq!(found["input.value"], r#"{"number":7}"#);
    assert_eq!(found["input.mime_type"], "application/json");
    assert_eq!(found["output.value"], r#"{"lamp":"broken"}"#);
    Ok(())
}

const TREE: &str = "\
CHAIN invoke_workflow support
  CHAIN invoke_workflow Support
    AGENT invoke_agent Triage
      GUARDRAIL run.workflow.guardrail.polite
      LLM chat scripted
      TOOL execute_tool look_up
      LLM chat scripted
      TOOL execute_tool look_up
      LLM chat scripted
      CHAIN run.workflow.handoff.Refunds
    AGENT invoke_agent Refunds
      LLM chat scripted
";

/// Kind and name of each span, children below their parent.
fn drawn(spans: &[Json]) -> String {
    let mut children: BTreeMap<&str, Vec<&Json>> = BTreeMap::new();
    for span in spans {
        children.entry(span["parent_id"].as_str().unwrap_or_default()).or_default().push(span);
    }
    let mut text = String::new();
    draw("", 0, &children, &mut text);
    text
}

fn draw(parent: &str, depth: usize, children: &BTreeMap<&str, Vec<&Json>>, text: &mut String) {
    for span in children.get(parent).into_iter().flatten() {
        let word = |key: &str| span[key].as_str().unwrap_or_default();
        let _ = writeln!(text, "{:1$}{2} {3}", "", depth * 2, word("span_kind"), word("name"));
        draw(span["context"]["span_id"].as_str().unwrap_or_default(), depth + 1, children, text);
    }
}
