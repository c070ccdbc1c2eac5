//! Token usage.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::model::Usage;

/// Usage and cost, under the field names of various servers. What is not a number of tokens is not
/// reported: it costs no answer.
#[derive(Default, Deserialize)]
#[serde(from = "Json")]
pub(in super::super) struct UsageBody {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
    reasoning_tokens: Option<u64>,
    /// Charge of a gateway such as `OpenRouter`, whose credits are US dollars; of some servers, an object
    /// with the total and its currency.
    cost: Option<Json>,
    /// True if `OpenRouter` used a key of the user's own with the provider, which charges the user
    /// besides.
    is_byok: bool,
    upstream_cost: Option<f64>,
}

impl From<Json> for UsageBody {
    fn from(mut body: Json) -> Self {
        let cost = body.get_mut("cost").map(Json::take);
        let of = |key: &str| tokens(&body[key]);
        let input = |key: &str| tokens(&body["prompt_tokens_details"][key]);
        let output = |key: &str| tokens(&body["completion_tokens_details"][key]);
        Self {
            prompt_tokens: of("prompt_tokens"),
            completion_tokens: of("completion_tokens"),
            total_tokens: of("total_tokens"),
            cached_tokens: input("cached_tokens")
                .or(of("prompt_cache_hit_tokens"))
                .or(of("cache_read_input_tokens")),
            cache_write_tokens: input("cache_write_tokens").or(of("cache_creation_input_tokens")),
            reasoning_tokens: output("reasoning_tokens").or(of("reasoning_tokens")),
            cost,
            is_byok: body["is_byok"] == true,
            upstream_cost: body["cost_details"]["upstream_inference_cost"].as_f64(),
        }
    }
}

/// Returns a number of tokens, also one such as `5.0`, as some gateways write it.
fn tokens(number: &Json) -> Option<u64> {
    number
        .as_u64()
        .or_else(|| format!("{:.0}", number.as_f64().filter(|n| n.fract() == 0.0)?).parse().ok())
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
        let upstream = if self.is_byok { self.upstream_cost? } else { 0.0 };
        Some(charged + upstream).filter(|usd| usd.is_finite() && *usd >= 0.0)
    }
}

impl From<UsageBody> for Usage {
    fn from(body: UsageBody) -> Self {
        let reasoning = body.reasoning_tokens;
        let answered = body.completion_tokens.map(|answer| {
            // xAI counts reasoning in the total alone. Mistral has other tokens there.
            let others = body.prompt_tokens.map(|input| input.saturating_add(answer));
            let beside = body.total_tokens.zip(others).and_then(|(all, sum)| all.checked_sub(sum));
            let beside = beside.filter(|tokens| reasoning == Some(*tokens)).unwrap_or_default();
            answer.saturating_add(beside)
        });
        Self::partial(body.prompt_tokens, answered)
            .with_cached_input_tokens(body.cached_tokens)
            .with_cache_write_input_tokens(body.cache_write_tokens)
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
    fn what_is_no_number_of_tokens_is_not_reported() {
        let told = |text: Json| {
            let usage = Usage::from(body(text));
            (usage.reported_input_tokens(), usage.reported_output_tokens())
        };
        assert_eq!(told(json!({"prompt_tokens": 5.0, "completion_tokens": 2})), (Some(5), Some(2)));
        for wrong in [json!(-5), json!(1e20), json!(0.5), json!("many"), json!([1]), json!(null)] {
            let usage = json!({"prompt_tokens": wrong, "completion_tokens": 2});
            assert_eq!(told(usage), (None, Some(2)), "{wrong}");
            assert_eq!(told(json!({"prompt_tokens_details": wrong})), (None, None));
        }
        for wrong in [json!("x"), json!([]), json!({}), json!(7)] {
            assert_eq!(told(wrong), (None, None));
        }
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
