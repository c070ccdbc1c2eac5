//! The spans that are sent.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use opentelemetry::{
    InstrumentationScope, Key, KeyValue, SpanId, TraceFlags, TraceId, Value,
    trace::{
        Event, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _,
        TracerProvider as _,
    },
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{self as wire, any_value::Value as Any},
    trace::v1 as wire_trace,
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanEvents, SpanLinks},
};
use prost::Message as _;
use raaf_benches::facts::{SPAN, keys as facts};
use raaf_trace_core::{
    FinishedSpan, MemoryExporter, TracerProvider, Value as Ours, current_span, keys, set_attribute,
    trace,
};
use serde_json::json;

use super::{Receiver, Workload};

/// Trees in a batch: some 500 spans.
const TREES: usize = 39;

/// Makes all workloads. `send` sends spans of ours to the receiver.
///
/// `w1` is the tree of all rows of this package, as each library records it. In the others, their
/// spans have the attributes and events that ours were sent with.
pub(crate) fn workloads(
    receiver: &Receiver,
    send: impl Fn(Vec<FinishedSpan>) -> Result<(), String>,
) -> Result<[Workload; 3], Box<dyn Error>> {
    let (w1, agents) = (ours_w1(), ours_agents());
    let same = |spans: &[FinishedSpan]| {
        send(spans.to_vec())?;
        let request = ExportTraceServiceRequest::decode(&*receiver.last())?;
        Ok::<_, Box<dyn Error>>(converted(request))
    };
    let [same_w1, same_agents] = [same(&w1)?, same(&agents)?];
    Ok([
        Workload { name: "w1", ours: w1.clone(), theirs: theirs_w1() },
        Workload { name: "w1-same", ours: w1, theirs: same_w1 },
        Workload { name: "agents", ours: agents, theirs: same_agents },
    ])
}

/// Runs `work` with a tracer, and returns the spans.
fn recorded(work: impl Fn(&raaf_trace_core::Tracer)) -> Vec<FinishedSpan> {
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder().with(memory.clone()).build();
    provider.run(|| (0..TREES).for_each(|_| work(&provider.tracer())));
    // What was not delivered is missing in the batch.
    let _ = provider.shutdown(Duration::from_secs(30));
    memory.spans()
}

const AGENTS: [&str; 3] = ["Planner", "Researcher", "Writer"];
const TOOLS: [&str; 3] = ["search", "read_page", "summarize"];

fn ours_w1() -> Vec<FinishedSpan> {
    recorded(|tracer| {
        let with = || {
            set_attribute(facts::NUMBER, 7);
            set_attribute(facts::EXACT, true);
        };
        tracer.pipeline_span("ReportPipeline").in_span(|| {
            with();
            for agent in AGENTS {
                tracer.agent_span(agent).in_span(|| {
                    with();
                    for tool in TOOLS {
                        tracer.tool_span(tool).in_span(with);
                    }
                });
            }
        });
    })
}

/// Records the tree `w1` with OpenTelemetry's API.
fn theirs_w1() -> Vec<SpanData> {
    let collected = Collect::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(collected.clone()).build();
    let tracer = provider.tracer("raaf-peers");
    let in_span = |parent: &opentelemetry::Context, kind: &'static str, name: &'static str| {
        let span = tracer.span_builder(SPAN).with_attributes([
            KeyValue::new(facts::TYPE, kind),
            KeyValue::new(facts::NAME, name),
            KeyValue::new(facts::NUMBER, 7),
            KeyValue::new(facts::EXACT, true),
        ]);
        parent.with_span(span.start_with_context(&tracer, parent))
    };
    for _ in 0..TREES {
        let pipeline = in_span(&opentelemetry::Context::new(), "pipeline", "ReportPipeline");
        for agent in AGENTS {
            let agent = in_span(&pipeline, "agent", agent);
            for tool in TOOLS {
                in_span(&agent, "tool", tool).span().end();
            }
            agent.span().end();
        }
        pipeline.span().end();
    }
    let collected = collected.0.lock().unwrap_or_else(PoisonError::into_inner);
    collected.clone()
}

/// Records an agent that calls a model and a tool twice each, with their content.
fn ours_agents() -> Vec<FinishedSpan> {
    let text = "Each of these sentences is about as long as those that people write. ".repeat(6);
    let message = |role: &str| json!({"role": role, "parts": [{"type": "text", "content": text}]});
    let asked = json!([message("system"), message("user"), message("assistant"), message("user")]);
    let answered = json!([message("assistant")]);
    recorded(|tracer| {
        trace("support").group_id("conversation-17").in_span(|| {
            tracer.agent_span("Triage").with(keys::INPUT, &*text).in_span(|| {
                for _ in 0..2 {
                    tracer.llm_span("gpt-5").in_span(|| {
                        set_attribute(keys::GEN_AI_PROVIDER_NAME, "openai");
                        set_attribute(keys::GEN_AI_RESPONSE_MODEL, "gpt-5-2025-08-07");
                        set_attribute(keys::GEN_AI_USAGE_INPUT_TOKENS, 417);
                        set_attribute(keys::GEN_AI_USAGE_OUTPUT_TOKENS, 83);
                        set_attribute(keys::GEN_AI_RESPONSE_FINISH_REASONS, Ours::json(&["stop"]));
                        set_attribute(keys::GEN_AI_INPUT_MESSAGES, Ours::json(&asked));
                        set_attribute(keys::GEN_AI_OUTPUT_MESSAGES, Ours::json(&answered));
                    });
                    tracer.tool_span("look_up").in_span(|| {
                        let arguments = json!({"order": 7, "words": ["lamp", "broken"]});
                        set_attribute(keys::TOOL_ARGUMENTS, Ours::json(&arguments));
                        set_attribute(keys::TOOL_RESULT, Ours::json(&json!({"found": text})));
                        current_span().inspect(|span| {
                            span.add_event("looked up", |event| {
                                event.set("rows", 3);
                            });
                        });
                    });
                }
            });
        });
    })
}

/// Exporter that keeps spans.
#[derive(Clone, Debug, Default)]
struct Collect(Arc<Mutex<Vec<SpanData>>>);

impl opentelemetry_sdk::trace::SpanExporter for Collect {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(batch);
        Ok(())
    }
}

/// Spans of the SDK as they were sent.
fn converted(request: ExportTraceServiceRequest) -> Vec<SpanData> {
    let scope = InstrumentationScope::builder("raaf-peers").build();
    let resource = request.resource_spans.into_iter();
    let scopes = resource.flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).map(|span| of(span, &scope)).collect()
}

fn of(span: wire_trace::Span, scope: &InstrumentationScope) -> SpanData {
    let id = |bytes: &[u8]| SpanId::from_bytes(bytes.try_into().unwrap_or_default());
    let trace = TraceId::from_bytes(span.trace_id[..].try_into().unwrap_or_default());
    let state = opentelemetry::trace::TraceState::default();
    let status = span.status.unwrap_or_default();
    let mut events = SpanEvents::default();
    events.events = span
        .events
        .into_iter()
        .map(|event| {
            let when = time(event.time_unix_nano);
            Event::new(event.name, when, pairs(event.attributes), event.dropped_attributes_count)
        })
        .collect();
    SpanData {
        span_context: SpanContext::new(trace, id(&span.span_id), TraceFlags::SAMPLED, false, state),
        parent_span_id: id(&span.parent_span_id),
        parent_span_is_remote: false,
        span_kind: if span.kind == 3 { SpanKind::Client } else { SpanKind::Internal },
        name: span.name.into(),
        start_time: time(span.start_time_unix_nano),
        end_time: time(span.end_time_unix_nano),
        attributes: pairs(span.attributes),
        dropped_attributes_count: span.dropped_attributes_count,
        events,
        links: SpanLinks::default(),
        status: match status.code {
            1 => Status::Ok,
            2 => Status::error(status.message),
            _ => Status::Unset,
        },
        instrumentation_scope: scope.clone(),
    }
}

fn time(nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos)
}

/// Attributes with static keys, which cost the SDK least.
fn pairs(pairs: Vec<wire::KeyValue>) -> Vec<KeyValue> {
    let pair = |pair: wire::KeyValue| {
        let key = Key::from_static_str(String::leak(pair.key));
        Some(KeyValue::new(key, value(pair.value?.value?)?))
    };
    pairs.into_iter().filter_map(pair).collect()
}

fn value(value: Any) -> Option<Value> {
    Some(match value {
        Any::StringValue(text) => Value::String(text.into()),
        Any::BoolValue(value) => Value::Bool(value),
        Any::IntValue(value) => Value::I64(value),
        Any::DoubleValue(value) => Value::F64(value),
        Any::ArrayValue(list) => {
            let texts = list.values.into_iter().filter_map(|item| match item.value? {
                Any::StringValue(text) => Some(text.into()),
                _ => None,
            });
            Value::Array(opentelemetry::Array::String(texts.collect()))
        }
        _ => return None,
    })
}
