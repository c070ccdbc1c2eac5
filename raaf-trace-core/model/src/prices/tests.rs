use super::*;

fn tokens(input: u64, output: u64) -> TokenCounts {
    TokenCounts { input: Some(input), output: Some(output), ..TokenCounts::default() }
}

fn reason(json: &str) -> String {
    PriceTable::from_json(json).unwrap_err().to_string()
}

#[test]
fn the_built_in_table_is_read_and_dated() {
    let built_in = List::parse(include_str!("prices.json")).unwrap();
    assert!(built_in.date.is_some());
    assert!(PriceTable::built_in().len() > 40);
    for (name, price) in &built_in.models {
        let price = price.as_ref().unwrap();
        let million = price.cost(&tokens(1_000_000, 0)).unwrap();
        assert!((0.01..30.0).contains(&million), "{name}");
        let cached = TokenCounts { cached_input: Some(1_000_000), ..tokens(1_000_000, 0) };
        assert!(price.cost(&cached).unwrap() <= million, "{name}");
    }
}

#[test]
fn list_prices_are_those_of_the_providers() {
    let cost = |model| PriceTable::built_in().cost([model], &tokens(100_000, 10_000));
    assert_eq!(cost("gpt-4o"), Some(0.35));
    assert_eq!(cost("openai/gpt-4o-mini-2024-07-18"), Some(0.021));
    assert_eq!(cost("gpt-4o-2024-05-13"), Some(0.65));
    assert_eq!(cost("claude-sonnet-4-20250514"), Some(0.45));
    assert_eq!(cost("anthropic/claude-opus-4.5"), Some(0.75));
    assert_eq!(cost("models/gemini-2.5-pro"), Some(0.225));
    assert_eq!(cost("mistral-large-2411"), Some(0.26));
    for unknown in ["gpt-4o-audio-preview", "mistral-large", "llama3.2:1b", "ours", ""] {
        assert_eq!(cost(unknown), None, "{unknown}");
    }
}

#[test]
fn the_first_table_that_has_a_model_decides() {
    let ours = r#"{ "models": { "gpt-4o": null, "my-deployment": { "input": 1, "output": 1 },
                    "gpt-4o-mini*": { "input": 3, "output": 3 } } }"#;
    let prices = PriceTable::from_json(ours).unwrap().or(PriceTable::built_in());
    let cost = |names: &[&'static str]| prices.cost(names.iter().copied(), &tokens(1_000_000, 0));
    assert_eq!(cost(&["gpt-4o"]), None);
    assert_eq!(cost(&["gpt-4o-mini"]), Some(3.0));
    assert_eq!(cost(&["gpt-4.1"]), Some(2.0));
    // The name that it was requested by, rather than that of the list, and the other way round.
    assert_eq!(cost(&["gpt-4.1-2025-04-14", "my-deployment"]), Some(1.0));
    assert_eq!(cost(&["gpt-4.1-2025-04-14", "theirs"]), Some(2.0));
    assert_eq!(cost(&["theirs", "gpt-4.1"]), Some(2.0));
}

#[test]
fn the_more_precise_name_decides() {
    let names = r#"{ "models": {
        "a*": { "input": 1 }, "abc*": { "input": 2 }, "abcd": { "input": 3 },
        "abcd-2025-01-01": { "input": 4 } } }"#;
    let prices = PriceTable::from_json(names).unwrap();
    let cost = |name| prices.cost([name], &tokens(1_000_000, 0));
    assert_eq!(cost("ax"), Some(1.0));
    assert_eq!(cost("abcx"), Some(2.0));
    assert_eq!(cost("abcd-latest"), Some(3.0));
    assert_eq!(cost("abcd-2025-01-01"), Some(4.0));
}

#[test]
fn prices_in_other_currencies_become_dollars() {
    let euros = r#"{ "currency": "EUR", "usd": 1.5, "models": { "ours": { "input": 2 } } }"#;
    let prices = PriceTable::from_json(euros).unwrap();
    assert_eq!(prices.cost(["ours"], &tokens(1_000_000, 0)), Some(3.0));
    assert_eq!(
        reason(r#"{ "currency": "EUR", "models": {} }"#),
        "not a table of prices: `usd` is missing; expected the value of 1 EUR in US dollars",
    );
    assert!(reason(r#"{ "currency": "EUR", "usd": 0, "models": {} }"#).contains("`usd` is 0"));
    assert!(reason(r#"{ "usd": 2, "models": {} }"#).contains("`usd` is 2"));
}

#[test]
fn what_is_no_price_is_refused() {
    assert!(reason("").contains("EOF"));
    assert!(reason("{}").contains("missing field `models`"));
    assert!(reason(r#"{ "curency": "EUR", "models": {} }"#).contains("unknown field `curency`"));
    let misspelt = reason(r#"{ "models": { "a": { "imput": 1 } } }"#);
    assert!(misspelt.contains("unknown field `imput`"), "{misspelt}");
    let nested = r#"{ "models": { "a": { "above": { "9": { "output": -2 } } } } }"#;
    assert!(reason(nested).contains("`output` of `a` is -2"));
}

#[test]
fn a_cost_that_a_span_tells_is_taken() {
    let prices = PriceTable::built_in();
    let mut attributes = Attributes::new();
    attributes.set(keys::GEN_AI_USAGE_INPUT_TOKENS, 1_000);
    assert_eq!(prices.cost_of("gpt-4.1", &attributes), None);
    attributes.set(keys::GEN_AI_USAGE_OUTPUT_TOKENS, 0);
    assert_eq!(prices.cost_of("gpt-4.1", &attributes), Some(0.002));
    attributes.set(keys::GEN_AI_REQUEST_MODEL, "gpt-4o");
    assert_eq!(prices.cost_of("gpt-4.1", &attributes), Some(0.002_5));
    attributes.set(keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, 1_000);
    assert_eq!(prices.cost_of("gpt-4.1", &attributes), Some(0.001_25));
    attributes.set(keys::GEN_AI_RESPONSE_MODEL, "gpt-4o-2024-05-13");
    assert_eq!(prices.cost_of("gpt-4.1", &attributes), Some(0.005));
    attributes.set(keys::GEN_AI_USAGE_COST, 0.5);
    assert_eq!(prices.cost_of("gpt-4.1", &attributes), Some(0.5));
}
