//! A backend shows what was sent: tree, kinds, models, tokens, inputs and outputs.

use std::{collections::BTreeMap, error::Error, fmt::Write as _, time::Duration};

use raaf_processors::{OtlpBuilder, OtlpError, OtlpProtocol, OtlpSink};
use raaf_trace_core::{
    FinishedSpan, Kind, SpanExporter as _, TraceId, TracerProvider, Value, keys,
};
use serde_json::{Value as Json, json};
use tokio::process::{Child, Command};

use super::{
    LONG,
    python::{self, Program},
    workflow::{self, ANSWER, QUESTION},
};

const PROGRAM: Program =
    Program { variable: "RAAF_PHOENIX", package: "arize-phoenix", file: "bin/phoenix" };
const PROJECT: &str = "raaf-tests";

struct Phoenix {
    url: String,
    grpc_url: String,
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
        Ok(Self { url, grpc_url: format!("http://{grpc}"), _process: process, _folder: folder })
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

impl Phoenix {
    /// Returns the project of the tests, with what the query asks of it.
    fn project(&self, query: &str) -> Result<Json, Box<dyn Error>> {
        let request = ureq::post(format!("{}/graphql", self.url));
        let request = request.header("content-type", "application/json");
        let mut reply = request.send(json!({"query": query}).to_string())?;
        let mut reply: Json = serde_json::from_str(&reply.body_mut().read_to_string()?)?;
        let projects = nodes(&mut reply["data"]["projects"]);
        let project = projects.into_iter().find(|project| project["name"] == PROJECT);
        project.ok_or_else(|| format!("no project: {reply}").into())
    }

    /// Returns the span of that name, once it has been priced.
    async fn priced(&self, name: &str) -> Result<Json, Box<dyn Error>> {
        let seen = async {
            loop {
                let mut project = self.project(COSTS)?;
                let mut spans = nodes(&mut project["spans"]).into_iter();
                if let Some(span) = spans.find(|span| span["name"] == name)
                    && !span["costSummary"].is_null()
                {
                    return Ok(span);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(LONG, seen).await?
    }
}

fn get(url: &str) -> Result<Json, Box<dyn Error>> {
    let mut answer = ureq::get(url).call()?;
    let body = answer.body_mut().with_config().limit(100_000_000).read_to_vec()?;
    Ok(serde_json::from_slice(&body)?)
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
    shows_a_workflow(&phoenix, sink(&phoenix)?).await?;
    lists_input_and_output(&phoenix)?;
    shows_costs(&phoenix).await?;
    shows_a_workflow(&phoenix, grpc_sink(&phoenix)?).await?;
    takes_hostile_content(&phoenix, &sink(&phoenix)?, 10_000_000).await?;
    // Phoenix accepts gRPC messages of at most 4 MiB, so the batch is divided.
    takes_hostile_content(&phoenix, &grpc_sink(&phoenix)?, 3_000_000).await
}

fn sink(phoenix: &Phoenix) -> Result<OtlpSink, OtlpError> {
    configured(OtlpSink::builder().endpoint(&phoenix.url))
}

fn grpc_sink(phoenix: &Phoenix) -> Result<OtlpSink, OtlpError> {
    let builder = OtlpSink::builder().protocol(OtlpProtocol::Grpc);
    configured(builder.endpoint(&phoenix.grpc_url))
}

fn configured(builder: OtlpBuilder) -> Result<OtlpSink, OtlpError> {
    builder.resource_attribute("openinference.project.name", PROJECT).gzip(true).build()
}

/// A span that a backend cannot read may not cost the others of its batch.
async fn takes_hostile_content(
    phoenix: &Phoenix,
    sink: &OtlpSink,
    length: usize,
) -> Result<(), Box<dyn Error>> {
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
        .attribute("huge", "x".repeat(length))
        .attribute(keys::GEN_AI_INPUT_MESSAGES, "no JSON")
        .error("E\0", "m\0")
        .build();
    let trace = root.trace_id();
    let large = FinishedSpan::builder(Kind::Job, "large").child_of(&root);
    let large = large.attribute("huge", "x".repeat(length)).build();
    sink.export(&[hostile, large, root])?;
    let spans = phoenix.spans(trace, 3).await?;
    let calm = spans.iter().find(|span| span["name"] == "invoke_agent calm");
    assert!(calm.is_some(), "{} spans", spans.len());
    Ok(())
}

async fn shows_a_workflow(phoenix: &Phoenix, sink: OtlpSink) -> Result<(), Box<dyn Error>> {
    let trace = workflow::run(sink).await?;
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
    assert_eq!(failed["status_message"], "`look_up` failed: no such order");
    let event = &failed["events"][0];
    assert_eq!(event["name"], "exception");
    let said = &event["attributes"];
    assert_eq!(said["exception.message"], failed["status_message"]);
    assert_eq!(said["exception.type"], failed["attributes"]["error.type"]);
    let found = &found["attributes"];
    assert_eq!(found["input.value"], r#"{"number":7}"#);
    assert_eq!(found["input.mime_type"], "application/json");
    assert_eq!(found["output.value"], r#"{"lamp":"broken"}"#);
    Ok(())
}

/// Query of the pages that list sessions and spans.
const LISTS: &str = "{ projects { edges { node { name
    sessions(first: 9) { edges { node {
        sessionId userId firstInput { value } lastOutput { value }
    } } }
    spans(first: 99) { edges { node { name parentId input { value } output { value } } } }
} } } }";

/// Lists of traces and of sessions show what a run was asked and what it answered, lists of spans
/// also what a model was.
fn lists_input_and_output(phoenix: &Phoenix) -> Result<(), Box<dyn Error>> {
    let mut project = phoenix.project(LISTS)?;
    let conversation = json!({
        "sessionId": "conversation-17", "userId": "customer-7",
        "firstInput": {"value": QUESTION}, "lastOutput": {"value": ANSWER},
    });
    assert_eq!(nodes(&mut project["sessions"]), [conversation]);
    let spans = nodes(&mut project["spans"]);
    let said = |name: &str| {
        let spans = spans.iter().filter(|span| span["name"] == name);
        spans.map(|span| [&span["input"]["value"], &span["output"]["value"]]).collect::<Vec<_>>()
    };
    assert_eq!(said("invoke_workflow support"), [[QUESTION, ANSWER]]);
    assert_eq!(said("invoke_workflow Support"), [[QUESTION, ANSWER]]);
    assert_eq!(said("handoff Refunds"), [["{}", "Refunds"]]);
    assert_eq!(said("guardrail polite"), [[QUESTION, "passed"]]);
    let calls = said("chat scripted");
    for call in [
        [QUESTION, r#"look_up({"number":8})"#],
        ["`look_up` failed: no such order", r#"look_up({"number":7})"#],
        [r#"{"lamp":"broken"}"#, "transfer_to_refunds({})"],
        ["Refunds takes over.", ANSWER],
    ] {
        assert!(calls.iter().any(|said| *said == call), "{calls:?}");
    }
    Ok(())
}

const COSTS: &str = "{ projects { edges { node { name
    spans(first: 99) { edges { node {
        name attributes costSummary { prompt { cost } completion { cost } total { cost } }
    } } }
} } } }";

/// Model, uncached input, tokens read from the cache and written to it, output, reasoning in it.
type Call = (&'static str, u64, u64, u64, u64, u64);

/// Phoenix prices the tokens of model calls itself, and shows the cost that was sent as an attribute. The
/// two agree if it understands all of the tokens.
async fn shows_costs(phoenix: &Phoenix) -> Result<(), Box<dyn Error>> {
    let calls: [Call; 3] = [
        ("gpt-4o-mini", 6_000, 4_000, 0, 2_000, 500),
        ("claude-sonnet-4-5", 1_000, 3_000, 6_000, 2_000, 0),
        ("unheard-of", 1_000, 0, 0, 2_000, 0),
    ];
    let provider = TracerProvider::builder().with(sink(phoenix)?).build();
    for (model, input, read, written, output, reasoning) in calls {
        let call = provider.tracer().llm_span(model);
        call.with(keys::GEN_AI_USAGE_INPUT_TOKENS, input + read + written)
            .with(keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, read)
            .with(keys::GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS, written)
            .with(keys::GEN_AI_USAGE_OUTPUT_TOKENS, output)
            .with(keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, reasoning)
            .in_span(|| ());
    }
    provider.shutdown(LONG)?;
    for (model, ..) in calls {
        let is_known = model != "unheard-of";
        let span = phoenix.priced(&format!("chat {model}")).await?;
        let attributes: Json = serde_json::from_str(span["attributes"].as_str().unwrap_or("{}"))?;
        let sent = attributes["llm"]["cost"]["total"].as_f64();
        let priced = span["costSummary"]["total"]["cost"].as_f64();
        let apart = sent.unwrap_or_default() - priced.unwrap_or_default();
        assert!(apart.abs() < 1e-9, "{span}");
        assert_eq!((sent.is_some(), priced.is_some()), (is_known, is_known), "{span}");
    }
    Ok(())
}

/// Takes the nodes out of a list.
fn nodes(list: &mut Json) -> Vec<Json> {
    let edges = list["edges"].as_array_mut();
    edges.into_iter().flatten().map(|edge| edge["node"].take()).collect()
}

const TREE: &str = "\
CHAIN invoke_workflow support
  CHAIN invoke_workflow Support
    AGENT invoke_agent Triage
      GUARDRAIL guardrail polite
      LLM chat scripted
      TOOL execute_tool look_up
      LLM chat scripted
      TOOL execute_tool look_up
      LLM chat scripted
      CHAIN handoff Refunds
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
