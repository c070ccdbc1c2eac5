//! Token usage.

use serde::Deserialize;
use serde_json::Value as Json;

use super::lenient::{count, member};
use crate::model::Usage;

/// Usage and cost, under the field names of various servers.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in super::super) struct UsageBody {
    #[serde(deserialize_with = "count")]
    prompt_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    completion_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    total_tokens: Option<u64>,
    #[serde(deserialize_with = "member")]
    prompt_tokens_details: Option<InputDetails>,
    #[serde(deserialize_with = "member")]
    completion_tokens_details: Option<OutputDetails>,
    #[serde(deserialize_with = "count")]
    prompt_cache_hit_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_read_input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    reasoning_tokens: Option<u64>,
    /// Charge of a gateway such as `OpenRouter`, whose credits are US dollars; of some servers, an object
    /// with the total and its currency.
    cost: Option<Json>,
    /// True if `OpenRouter` used a key of the user's own with the provider, which charges the user
    /// besides.
    #[serde(deserialize_with = "member")]
    is_byok: Option<bool>,
    cost_details: Option<Json>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    #[serde(deserialize_with = "count")]
    cached_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_write_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    #[serde(deserialize_with = "count")]
    reasoning_tokens: Option<u64>,
}

impl UsageBody {
    /// Returns the cost in US dollars that the server reports.
    pub(in super::super) fn cost_usd(&self) -> Option<f64> {
        let cost = self.cost.as_ref()?;
        let is_other = |currency: &str| !currency.eq_ignore_ascii_case("USD");
        if cost["currency"].as_str().is_some_and(is_other) {
            return None;
        }
        let charged = cost.as_f64().or_else(|| cost["total_cost"].as_f64())?;
        // Without a key of the user's own, OpenRouter repeats the charge here.
        let upstream = if self.is_byok == Some(true) {
            self.cost_details.as_ref()?["upstream_inference_cost"].as_f64()?
        } else {
            0.0
        };
        Some(charged + upstream).filter(|usd| usd.is_finite() && *usd >= 0.0)
    }
}

impl From<UsageBody> for Usage {
    fn from(body: UsageBody) -> Self {
        let input = body.prompt_tokens_details.unwrap_or_default();
        let output = body.completion_tokens_details.unwrap_or_default();
        let cached = input.cached_tokens.or(body.prompt_cache_hit_tokens);
        let written = input.cache_write_tokens.or(body.cache_creation_input_tokens);
        let reasoning = output.reasoning_tokens.or(body.reasoning_tokens);
        let answered = body.completion_tokens.map(|answer| {
            // xAI counts reasoning in the total alone. Mistral has other tokens there.
            let others = body.prompt_tokens.map(|input| input.saturating_add(answer));
            let beside = body.total_tokens.zip(others).and_then(|(all, sum)| all.checked_sub(sum));
            let beside = beside.filter(|tokens| reasoning == Some(*tokens)).unwrap_or_default();
            answer.saturating_add(beside)
        });
        Self::partial(body.prompt_tokens, answered)
            .with_cached_input_tokens(cached.or(body.cache_read_input_tokens))
            .with_cache_write_input_tokens(written)
            .with_reasoning_tokens(reasoning)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(body: Json) -> UsageBody {
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn output_includes_reasoning_where_only_the_total_does() {
        let output = |text: Json| Usage::from(body(text)).output_tokens;
        let of = |answer: u64, total: u64, reasoning: Option<u64>| {
            output(json!({
                "prompt_tokens": 20, "completion_tokens": answer, "total_tokens": total,
                "completion_tokens_details": {"reasoning_tokens": reasoning},
            }))
        };
        // OpenAI and xAI.
        assert_eq!(of(500, 520, Some(300)), 500);
        assert_eq!(of(200, 520, Some(300)), 500);
        // The difference is something else, or there is no total.
        assert_eq!(of(500, 530, Some(300)), 500);
        assert_eq!(of(200, 520, None), 200);
        assert_eq!(of(500, 0, Some(300)), 500);
        assert_eq!(output(json!({"completion_tokens": 5, "total_tokens": 9})), 5);
    }

    #[test]
    fn cache_writes_are_read_under_the_names_of_several_servers() {
        for told in [
            json!({"prompt_tokens": 9, "prompt_tokens_details": {"cache_write_tokens": 4}}),
            json!({"prompt_tokens": 9, "cache_creation_input_tokens": 4}),
        ] {
            let usage = Usage::from(body(told));
            assert_eq!(usage.reported_cache_write_input_tokens(), Some(4));
        }
    }

    #[test]
    fn the_cost_of_a_gateway_includes_that_of_a_key_of_the_users_own() {
        let cost = |text: Json| body(text).cost_usd();
        assert_eq!(cost(json!({"cost": 0.000_263_7})), Some(0.000_263_7));
        let details = json!({"upstream_inference_cost": 0.25});
        let of = |cost: Json, is_byok: bool| json!({"cost": cost, "is_byok": is_byok, "cost_details": details});
        assert_eq!(cost(of(json!(0.25), false)), Some(0.25));
        assert_eq!(cost(of(json!(0), true)), Some(0.25));
        assert_eq!(cost(of(json!(0.5), true)), Some(0.75));
        // A fee alone is not the cost.
        assert_eq!(cost(json!({"cost": 0.5, "is_byok": true})), None);
        assert_eq!(cost(json!({"cost": {"total_cost": 0.5, "currency": "USD"}})), Some(0.5));
        for none in [
            json!(null),
            json!(-1),
            json!("0.5"),
            json!([]),
            json!({"currency": "EUR", "total_cost": 1}),
        ] {
            assert_eq!(cost(json!({"cost": none})), None, "{none}");
        }
    }
}
