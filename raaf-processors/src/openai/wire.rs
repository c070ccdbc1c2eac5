//! Types of the request body, as OpenAI's Agents SDK writes it. There is no public schema.

use std::{borrow::Cow, time::SystemTime};

use raaf_trace_model::{
    attributes::{Attributes, ValueRef},
    id::{SpanId, TraceId},
    time::Rfc3339,
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};

#[derive(Serialize)]
pub(super) struct Body<'a> {
    pub(super) data: Vec<Item<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "object")]
pub(super) enum Item<'a> {
    #[serde(rename = "trace")]
    Trace(Trace<'a>),
    #[serde(rename = "trace.span")]
    Span(Box<Span<'a>>),
}

#[derive(Serialize)]
pub(super) struct Trace<'a> {
    pub(super) id: TraceId,
    pub(super) workflow_name: &'a str,
    pub(super) group_id: Option<&'a str>,
    pub(super) metadata: Option<&'a Attributes>,
}

#[derive(Serialize)]
#[allow(clippy::struct_field_names, reason = "the names are those on the wire")]
pub(super) struct Span<'a> {
    pub(super) id: Id,
    pub(super) trace_id: TraceId,
    pub(super) parent_id: Option<Id>,
    pub(super) started_at: Time,
    pub(super) ended_at: Time,
    pub(super) span_data: Data<'a>,
    pub(super) error: Option<Error<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<Harness<'a>>,
}

/// Metadata of a trace that is sent with its spans.
#[derive(Serialize)]
pub(super) struct Harness<'a> {
    pub(super) agent_harness_id: ValueRef<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Data<'a> {
    Agent {
        name: &'a str,
        handoffs: Vec<&'a str>,
        tools: Vec<&'a str>,
        output_type: &'a str,
    },
    Function {
        name: &'a str,
        input: Option<Cow<'a, str>>,
        output: Option<Cow<'a, str>>,
        mcp_data: Option<ValueRef<'a>>,
    },
    Generation {
        input: Option<Json>,
        output: Option<Json>,
        model: &'a str,
        model_config: Map<String, Json>,
        usage: Option<Usage>,
    },
    Response {
        response_id: Option<&'a str>,
    },
    Handoff {
        from_agent: Option<&'a str>,
        to_agent: &'a str,
    },
    Guardrail {
        name: &'a str,
        triggered: bool,
    },
    McpTools {
        server: &'a str,
        result: Vec<&'a str>,
    },
    SpeechGroup {
        input: Option<Cow<'a, str>>,
    },
    Speech {
        input: Option<Cow<'a, str>>,
        output: Audio<'a>,
        model: &'a str,
        model_config: Map<String, Json>,
        first_content_at: Option<Time>,
    },
    Transcription {
        input: Audio<'a>,
        output: Option<Cow<'a, str>>,
        model: &'a str,
        model_config: Map<String, Json>,
    },
    Custom {
        name: &'a str,
        data: Json,
    },
}

#[derive(Serialize)]
pub(super) struct Audio<'a> {
    pub(super) data: Cow<'a, str>,
    pub(super) format: &'a str,
}

/// The server accepts only these names at the top level; anything else is in `details`.
#[derive(Serialize)]
pub(super) struct Usage {
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) details: Map<String, Json>,
}

#[derive(Serialize)]
pub(super) struct Error<'a> {
    pub(super) message: Cow<'a, str>,
    pub(super) data: Map<String, Json>,
}

/// Span id in the length that the server expects.
#[derive(Clone, Copy)]
pub(super) struct Id(pub(super) SpanId);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("span_{:024x}", self.0.to_u64()))
    }
}

#[derive(Clone, Copy)]
pub(super) struct Time(pub(super) SystemTime);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Rfc3339::new(self.0).with_numeric_offset())
    }
}
