//! Request bodies.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::{
    super::{
        protocol::Prepared,
        wire::{
            Target,
            settings::{Settings, bytes},
            typed::{ANSWER_DESCRIPTION, Typed, enforced},
        },
    },
    Responses, ServerState,
    assembly::Assembly,
    input::{self, Input},
};
use crate::model::{HostedTool, ModelError, ModelRequest, ToolChoice, ToolSpec};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: Vec<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolBody<'a>>,
    #[serde(flatten)]
    settings: Settings<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    include: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_response_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
}

#[derive(Serialize)]
struct Reasoning<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ToolBody<'a> {
    Function {
        r#type: &'static str,
        name: Cow<'a, str>,
        description: &'a str,
        parameters: Cow<'a, Json>,
        /// A function without this member is strict.
        strict: bool,
    },
    Hosted(Json),
}

/// Members of responses that are sent on request only, by the hosted tool that they are of.
const INCLUDES: [(&str, &str); 3] = [
    ("web_search", "web_search_call.action.sources"),
    ("file_search", "file_search_call.results"),
    ("code_interpreter", "code_interpreter_call.outputs"),
];

/// Returns the body of a request, and the assembly of its response.
pub(super) fn prepare(
    protocol: &Responses,
    request: &ModelRequest,
    target: Target<'_>,
    streams: bool,
) -> Result<Prepared<Assembly>, ModelError> {
    let Target { model, profile, .. } = target;
    let settings = &request.settings;
    let is_stored = protocol.store != Some(false);
    let Input { items, previous, left_out } =
        input::of_request(request, target, &protocol.state, is_stored)?;
    let typed = Typed::plan(request, profile);
    let strict = |is_strict: bool| is_strict && profile.strict_schemas;
    let function = |spec: &'_ ToolSpec| strict(spec.strict);
    let functions = request.tools.iter().map(|spec| ToolBody::Function {
        r#type: "function",
        name: spec.name.as_str().into(),
        description: &spec.description,
        parameters: Cow::Borrowed(&spec.parameters),
        strict: function(spec),
    });
    let answer = typed.answer.as_ref().map(|(schema, name)| ToolBody::Function {
        r#type: "function",
        name: name.clone().into(),
        description: ANSWER_DESCRIPTION,
        parameters: enforced(schema, profile),
        strict: strict(schema.strict),
    });
    let hosted = request.hosted_tools.iter().map(|tool| ToolBody::Hosted(tool.sent()));
    let choice = typed.tool_choice(settings.tool_choice.as_ref());
    let body = Body {
        model,
        input: items,
        instructions: typed.instructions(request),
        tools: functions.chain(answer).chain(hosted).collect(),
        settings: Settings::of(request, profile),
        tool_choice: choice.map(|choice| choice_of(&choice, request)),
        max_output_tokens: settings.max_tokens,
        reasoning: reasoning(settings.reasoning_effort.as_deref(), protocol),
        text: text(request, &typed, target),
        store: protocol.store,
        include: includes(&request.hosted_tools, is_stored),
        previous_response_id: previous,
        conversation: match &protocol.state {
            ServerState::Conversation(id) => Some(id),
            _ => None,
        },
        stream: streams.then_some(true),
    };
    let answer_tool = typed.answer.as_ref().map(|(_, name)| name.clone());
    let assembly = Assembly::expecting(answer_tool, settings.max_tokens);
    let body = bytes(&body, settings).map_err(ModelError::other)?;
    Ok(Prepared { body, assembly, left_out: left_out.0 })
}

fn choice_of(choice: &ToolChoice, request: &ModelRequest) -> Json {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Tool(name) => {
            let is_hosted = |tool: &HostedTool| tool.kind() == name || tool.label() == Some(name);
            let mut hosted = request.hosted_tools.iter().filter(|tool| is_hosted(tool));
            match hosted.next().filter(|_| !request.has_tool(name)) {
                Some(tool) => match tool.label() {
                    Some(label) => json!({"type": tool.kind(), "server_label": label}),
                    None => json!({"type": tool.kind()}),
                },
                None => json!({"type": "function", "name": name}),
            }
        }
    }
}

fn reasoning<'a>(effort: Option<&'a str>, protocol: &'a Responses) -> Option<Reasoning<'a>> {
    let summary = protocol.reasoning_summary.as_deref();
    (effort.is_some() || summary.is_some()).then_some(Reasoning { effort, summary })
}

/// Returns the form of the answer.
fn text(request: &ModelRequest, typed: &Typed<'_>, target: Target<'_>) -> Option<Json> {
    let mut text = json!({});
    if let Some(output) = typed.native {
        text["format"] = json!({
            "type": "json_schema",
            "name": output.name,
            "schema": enforced(output, target.profile),
            "strict": output.strict && target.profile.strict_schemas,
        });
    }
    if let Some(verbosity) = &request.settings.verbosity {
        text["verbosity"] = verbosity.as_str().into();
    }
    text.as_object().is_some_and(|text| !text.is_empty()).then_some(text)
}

fn includes(tools: &[HostedTool], is_stored: bool) -> Vec<&'static str> {
    let has = |kind: &str| tools.iter().any(|tool| tool.kind() == kind);
    let results = INCLUDES.iter().filter(|(kind, _)| has(kind)).map(|(_, member)| *member);
    let reasoning = (!is_stored).then_some("reasoning.encrypted_content");
    results.chain(reasoning).collect()
}
