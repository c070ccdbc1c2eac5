//! What a span says about a model call.

use raaf_trace_core::{Attributes, Value, keys};

use crate::model::{ModelRequest, ModelResponse, parts};

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
        .set_content(keys::GEN_AI_SYSTEM_INSTRUCTIONS, request.instructions.as_deref())
        .set_content_with(keys::GEN_AI_INPUT_MESSAGES, || {
            parts::of_conversation(&request.messages)
        });
}

pub(super) fn response(response: &ModelResponse, attributes: &mut Attributes) {
    let usage = response.usage;
    let some = |tokens: u64| (tokens > 0).then_some(tokens);
    attributes
        .set(keys::GEN_AI_RESPONSE_MODEL, response.model.as_deref())
        .set(keys::GEN_AI_RESPONSE_ID, response.id.as_deref())
        .set(keys::GEN_AI_RESPONSE_FINISH_REASONS, [response.finish_reason.as_str()])
        .set(keys::GEN_AI_USAGE_INPUT_TOKENS, usage.input_tokens)
        .set(keys::GEN_AI_USAGE_OUTPUT_TOKENS, usage.output_tokens)
        .set(keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, some(usage.cached_input_tokens))
        .set(keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, some(usage.reasoning_tokens))
        .set_content_with(keys::GEN_AI_OUTPUT_MESSAGES, || {
            parts::of_answer(&response.message, response.finish_reason.as_str())
        });
}
