//! Settings that both protocols send under the same names.

use serde::Serialize;

use super::{super::profile::Profile, typed::has_tools};
use crate::model::{ModelRequest, ModelSettings};

#[derive(Serialize)]
pub(in super::super) struct Settings<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<&'a str>,
}

impl<'a> Settings<'a> {
    pub(in super::super) fn of(request: &'a ModelRequest, profile: &Profile) -> Self {
        let settings = &request.settings;
        let parallel = settings.parallel_tool_calls.filter(|_| has_tools(request));
        Self {
            parallel_tool_calls: parallel.filter(|_| profile.parallel_tool_calls),
            temperature: settings.temperature,
            top_p: settings.top_p,
            frequency_penalty: settings.frequency_penalty,
            presence_penalty: settings.presence_penalty,
            seed: settings.seed,
            stop: &settings.stop,
            service_tier: settings.service_tier.as_deref(),
            prompt_cache_key: settings.prompt_cache_key.as_deref(),
        }
    }
}

/// Returns a body in bytes, in which the extra members of the settings replace those of the same name.
pub(in super::super) fn bytes(
    body: &impl Serialize,
    settings: &ModelSettings,
) -> Result<Vec<u8>, serde_json::Error> {
    if settings.extra_body.is_empty() {
        return serde_json::to_vec(body);
    }
    let mut body = serde_json::to_value(body)?;
    for (key, value) in &settings.extra_body {
        body[key] = value.clone();
    }
    serde_json::to_vec(&body)
}
