//! Attributes of model calls.

use raaf_trace_core::{Attributes, Value, keys};
use serde_json::Value as Json;

use crate::{
    conversation::shown,
    model::{
        FinishReason, HostedTool, ModelError, ModelRequest, ModelResponse, ToolChoice, ToolSpec,
        address,
    },
};

pub(super) fn request(request: &ModelRequest, attributes: &mut Attributes) {
    let settings = &request.settings;
    let stop = Some(&settings.stop).filter(|stop| !stop.is_empty());
    attributes
        .set(keys::GEN_AI_REQUEST_TEMPERATURE, settings.temperature)
        .set(keys::GEN_AI_REQUEST_TOP_P, settings.top_p)
        .set(keys::GEN_AI_REQUEST_MAX_TOKENS, settings.max_tokens)
        .set(keys::GEN_AI_REQUEST_FREQUENCY_PENALTY, settings.frequency_penalty)
        .set(keys::GEN_AI_REQUEST_PRESENCE_PENALTY, settings.presence_penalty)
        .set(keys::GEN_AI_REQUEST_SEED, settings.seed)
        .set(keys::GEN_AI_REQUEST_STOP_SEQUENCES, stop.map(Value::json))
        .set(keys::GEN_AI_REQUEST_REASONING_LEVEL, settings.reasoning_effort.as_deref())
        .set(keys::MODEL_TOOL_CHOICE, settings.tool_choice.as_ref().map(of_choice))
        .set(keys::GEN_AI_OUTPUT_TYPE, request.output_schema.as_ref().map(|_| "json"))
        .set_content(keys::GEN_AI_SYSTEM_INSTRUCTIONS, request.instructions.as_deref())
        .set_content_with(keys::GEN_AI_INPUT_MESSAGES, || {
            shown::of_conversation(&request.messages)
        });
    if !request.tools.is_empty() || !request.hosted_tools.is_empty() {
        let hosted = request.hosted_tools.iter().map(|tool| tool.label().unwrap_or(tool.kind()));
        let names = request.tools.iter().map(|tool| &*tool.name).chain(hosted);
        let names: Vec<&str> = names.collect();
        attributes
            .set(keys::MODEL_TOOLS, Value::json(&names))
            .set_content_with(keys::GEN_AI_TOOL_DEFINITIONS, || of_tools(request));
    }
}

fn of_choice(choice: &ToolChoice) -> &str {
    match choice {
        ToolChoice::Auto => "auto",
        ToolChoice::None => "none",
        ToolChoice::Required => "required",
        ToolChoice::Tool(name) => name,
    }
}

fn of_tools(request: &ModelRequest) -> Json {
    let tools = request.tools.iter().map(|ToolSpec { name, description, parameters, .. }| {
        shown::object([
            ("type", "function".into()),
            ("name", name.as_str().into()),
            ("description", description.as_str().into()),
            ("parameters", parameters.clone()),
        ])
    });
    tools.chain(request.hosted_tools.iter().map(HostedTool::shown)).collect()
}

/// Sets the URL of the call.
pub(super) fn address(url: Option<&str>, attributes: &mut Attributes) {
    let Some(url) = url else { return };
    attributes.set(keys::URL, url);
    if let Some((host, port)) = address::server(url) {
        attributes.set(keys::SERVER_ADDRESS, host).set(keys::SERVER_PORT, port);
    }
}

pub(super) fn response(response: &ModelResponse, attributes: &mut Attributes) {
    let usage = response.usage;
    if let Some(called) = &response.called {
        attributes.set(keys::GEN_AI_REQUEST_MODEL, called.as_str());
    }
    attributes
        .set(keys::GEN_AI_RESPONSE_MODEL, response.model.as_deref())
        .set(keys::GEN_AI_RESPONSE_ID, response.id.as_deref())
        .set(keys::GEN_AI_RESPONSE_FINISH_REASONS, [response.finish_reason.as_str()])
        .set(keys::GEN_AI_USAGE_INPUT_TOKENS, usage.reported_input_tokens())
        .set(keys::GEN_AI_USAGE_OUTPUT_TOKENS, usage.reported_output_tokens())
        .set(keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, usage.reported_cached_input_tokens())
        .set(keys::GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS, usage.reported_cache_write_input_tokens())
        .set(keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, usage.reported_reasoning_tokens())
        .set(keys::GEN_AI_USAGE_COST, response.cost_usd)
        .set_content_with(keys::GEN_AI_OUTPUT_MESSAGES, || {
            // The convention's word for a message that calls tools.
            let reason = match &response.finish_reason {
                FinishReason::ToolCalls => "tool_call",
                other => other.as_str(),
            };
            shown::of_response(&response.message, reason)
        });
}

pub(super) fn error(error: &ModelError, attributes: &mut Attributes) {
    let retries = error.tries().saturating_sub(1);
    attributes
        .set(keys::HTTP_STATUS_CODE, error.status())
        .set(keys::RETRY_COUNT, (retries > 0).then_some(retries));
}
