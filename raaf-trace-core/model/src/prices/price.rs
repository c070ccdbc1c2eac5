//! The price of a model.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Number of tokens that prices are for.
const MILLION: f64 = 1e6;

/// Tokens of a model call, as far as they were reported.
///
/// Parts that exceed the whole cannot be included in it; they are priced beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// Input tokens, including those read from a cache and written to it.
    pub input: Option<u64>,
    /// Output tokens, including reasoning.
    pub output: Option<u64>,
    /// Input tokens that were read from the provider's cache.
    pub cached_input: Option<u64>,
    /// Input tokens that were written to the provider's cache.
    pub cache_write: Option<u64>,
    /// Output tokens that were spent on reasoning.
    pub reasoning: Option<u64>,
}

/// Prices for a million tokens, and for a request.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Price {
    input: Option<f64>,
    cached_input: Option<f64>,
    cache_write: Option<f64>,
    output: Option<f64>,
    reasoning: Option<f64>,
    request: Option<f64>,
    /// Prices of calls with more input tokens than these. What is not given stays as it is.
    above: BTreeMap<u64, Price>,
}

impl Price {
    /// Returns the name and the value of a price that cannot be.
    pub(super) fn check(&self) -> Result<(), (&'static str, f64)> {
        let prices = [
            ("input", self.input),
            ("cached_input", self.cached_input),
            ("cache_write", self.cache_write),
            ("output", self.output),
            ("reasoning", self.reasoning),
            ("request", self.request),
        ];
        for (field, price) in prices {
            match price {
                Some(price) if !(price.is_finite() && price >= 0.0) => return Err((field, price)),
                _ => {}
            }
        }
        self.above.values().try_for_each(Self::check)
    }

    /// Converts the prices to US dollars, of which a unit is worth so many.
    pub(super) fn convert(&mut self, rate: f64) {
        let Self { input, cached_input, cache_write, output, reasoning, request, above } = self;
        for price in [input, cached_input, cache_write, output, reasoning, request] {
            *price = price.map(|price| price * rate);
        }
        for price in above.values_mut() {
            price.convert(rate);
        }
    }

    /// Returns the cost of a call in US dollars; `None` if a number of tokens was not reported that
    /// has a price, or tokens were that have none.
    pub(super) fn cost(&self, tokens: &TokenCounts) -> Option<f64> {
        let of = |part: Option<u64>| part.unwrap_or_default();
        let (cached, written) = (of(tokens.cached_input), of(tokens.cache_write));
        let reasoning = of(tokens.reasoning);
        let input = whole(tokens.input, cached.saturating_add(written));
        let output = whole(tokens.output, reasoning);
        let long = self.above.range(..of(input)).next_back();
        let price = |of: fn(&Self) -> Option<f64>| {
            long.and_then(|(_, price)| of(price)).or_else(|| of(self))
        };
        let (of_input, of_output) = (price(|price| price.input), price(|price| price.output));
        let request = price(|price| price.request);
        if of_input.or(of_output).is_none() {
            return request;
        }
        let parts = [
            (rest(input, cached.saturating_add(written), of_input)?, of_input),
            (cached, price(|price| price.cached_input).or(of_input)),
            (written, price(|price| price.cache_write).or(of_input)),
            (rest(output, reasoning, of_output)?, of_output),
            (reasoning, price(|price| price.reasoning).or(of_output)),
        ];
        let cost = |(tokens, price): (u64, Option<f64>)| tokens as f64 * price.unwrap_or_default();
        let sum = parts.map(cost).iter().sum::<f64>() / MILLION + request.unwrap_or_default();
        Some(sum).filter(|sum| sum.is_finite())
    }
}

/// Returns the number of tokens with their parts. Parts that exceed it were counted beside it: by
/// Anthropic those of a cache, by xAI those of reasoning.
fn whole(reported: Option<u64>, parts: u64) -> Option<u64> {
    reported.map(|tokens| if parts > tokens { tokens.saturating_add(parts) } else { tokens })
}

/// Returns the tokens that are priced neither as cached ones nor as reasoning; `None` if the price and
/// the number do not fit.
fn rest(all: Option<u64>, parts: u64, price: Option<f64>) -> Option<u64> {
    match (all, price) {
        (None, Some(price)) if price > 0.0 => None,
        (Some(tokens), None) if tokens > 0 => None,
        (tokens, _) => Some(tokens.unwrap_or_default().saturating_sub(parts)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(price: &str, tokens: TokenCounts) -> Option<f64> {
        serde_json::from_str::<Price>(price).unwrap().cost(&tokens)
    }

    fn tokens(input: u64, output: u64) -> TokenCounts {
        TokenCounts { input: Some(input), output: Some(output), ..TokenCounts::default() }
    }

    #[test]
    fn cached_tokens_and_reasoning_are_counted_once() {
        let price = r#"{ "input": 2, "cached_input": 0.5, "cache_write": 2.5, "output": 8,
                         "reasoning": 4, "request": 0.25 }"#;
        let plain = tokens(1_000_000, 1_000_000);
        assert_eq!(cost(price, plain), Some(10.25));
        let cached = TokenCounts { cached_input: Some(500_000), ..plain };
        assert_eq!(cost(price, cached), Some(9.5));
        let written = TokenCounts { cache_write: Some(500_000), ..cached };
        assert_eq!(cost(price, written), Some(9.75));
        let thought = TokenCounts { reasoning: Some(1_000_000), ..plain };
        assert_eq!(cost(price, thought), Some(6.25));
    }

    #[test]
    fn parts_without_a_price_of_their_own_cost_as_much_as_the_whole() {
        let all = TokenCounts {
            cached_input: Some(400_000),
            cache_write: Some(100_000),
            reasoning: Some(300_000),
            ..tokens(1_000_000, 1_000_000)
        };
        assert_eq!(cost(r#"{ "input": 2, "output": 8 }"#, all), Some(10.0));
    }

    #[test]
    fn tokens_that_cannot_be_a_part_are_beside_the_others() {
        let price = r#"{ "input": 2, "cached_input": 0.5, "cache_write": 4, "output": 8 }"#;
        // As Anthropic counts them.
        let cached = TokenCounts {
            cached_input: Some(1_000_000),
            cache_write: Some(500_000),
            ..tokens(500_000, 0)
        };
        assert_eq!(cost(price, cached), Some(1.0 + 0.5 + 2.0));
        // As xAI does.
        let thought = TokenCounts { reasoning: Some(1_000_000), ..tokens(0, 500_000) };
        assert_eq!(cost(price, thought), Some(12.0));
        // The length of a call includes what was cached.
        let long = r#"{ "input": 1, "cached_input": 1, "above": { "1000000": { "input": 10 } } }"#;
        let counts = TokenCounts { cached_input: Some(1_000_000), ..tokens(500_000, 0) };
        assert_eq!(cost(long, counts), Some(6.0));
    }

    #[test]
    fn what_has_no_price_by_tokens_needs_no_tokens() {
        let unknown = TokenCounts::default();
        let by_request = r#"{ "request": 0.25 }"#;
        assert_eq!(cost(by_request, unknown), Some(0.25));
        assert_eq!(cost(by_request, tokens(7, 7)), Some(0.25));
        let free = r#"{ "input": 0, "output": 0 }"#;
        assert_eq!(cost(free, unknown), Some(0.0));
        assert_eq!(cost(free, TokenCounts { output: Some(7), ..unknown }), Some(0.0));
        assert_eq!(cost("{}", tokens(7, 7)), None, "it has no price at all");
        assert_eq!(cost(r#"{ "output": 1, "request": 1 }"#, tokens(7, 7)), None);
    }

    #[test]
    fn a_cost_beyond_all_numbers_is_unknown() {
        let price = r#"{ "input": 1e300, "output": 0 }"#;
        assert_eq!(cost(price, tokens(u64::MAX, 0)), None);
    }

    #[test]
    fn long_calls_have_prices_of_their_own() {
        let price = r#"{ "input": 1, "output": 10, "request": 1,
                         "above": { "200000": { "input": 2 }, "500000": { "output": 20 } } }"#;
        assert_eq!(cost(price, tokens(200_000, 0)), Some(1.2));
        assert_eq!(cost(price, tokens(250_000, 100_000)), Some(2.5));
        assert_eq!(cost(price, tokens(1_000_000, 100_000)), Some(4.0));
    }

    #[test]
    fn an_unknown_cost_is_not_zero() {
        let price = r#"{ "input": 1, "output": 2 }"#;
        assert_eq!(cost(price, TokenCounts::default()), None);
        assert_eq!(cost(price, TokenCounts { input: Some(7), ..TokenCounts::default() }), None);
        assert_eq!(cost(price, TokenCounts { output: Some(7), ..TokenCounts::default() }), None);
        assert_eq!(cost(price, tokens(0, 0)), Some(0.0));
        // Of embeddings.
        let only_input = r#"{ "input": 1 }"#;
        let embedded = TokenCounts { input: Some(1_000_000), ..TokenCounts::default() };
        assert_eq!(cost(only_input, embedded), Some(1.0));
        assert_eq!(cost(only_input, tokens(1_000_000, 0)), Some(1.0));
        assert_eq!(cost(only_input, tokens(1, 1)), None);
    }
}
