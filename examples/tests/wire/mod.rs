//! Comparison of two requests, item by item, with a list of differences.

use std::{collections::HashMap, fmt::Write as _};

use serde_json::Value as Json;

/// Places where values may differ, by the ends of paths; their types may not.
pub struct Rules<'a> {
    /// Places where the wording may differ.
    pub wording: &'a [&'a str],
    /// Places where there may be more fields than expected.
    pub open: &'a [&'a str],
}

/// Compares item by item.
///
/// # Panics
///
/// Panics if an item differs, with a list of all that do.
#[track_caller]
pub fn assert_same(expected: &Json, actual: &Json, rules: &Rules<'_>) {
    let mut found = String::new();
    compare(expected, actual, "", rules, &mut found);
    assert!(found.is_empty(), "the requests differ:\n{found}\n{}", outline(expected, actual));
}

/// Replaces ids by the order in which they appear and times by a word, once they have the form
/// that the wire has for them.
pub fn without_chance(mut items: Json) -> Json {
    let mut ids = HashMap::new();
    for item in items.as_array_mut().into_iter().flatten() {
        for (key, value) in item.as_object_mut().into_iter().flatten() {
            let Json::String(text) = value else { continue };
            match key.as_str() {
                "id" | "trace_id" | "parent_id" => {
                    assert!(is_id(text), "{key} is {text:?}");
                    let next = ids.len() + 1;
                    let kind = text.split('_').next().unwrap_or_default();
                    let number = *ids.entry(text.clone()).or_insert(next);
                    *text = format!("{kind} {number}");
                }
                "started_at" | "ended_at" => {
                    assert!(is_time(text), "{key} is {text:?}");
                    "a time".clone_into(text);
                }
                _ => {}
            }
        }
    }
    items
}

fn is_id(text: &str) -> bool {
    let is_hex = |hex: &str, digits| {
        hex.len() == digits && hex.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    match text.split_once('_') {
        Some(("trace", hex)) => is_hex(hex, 32),
        Some(("span", hex)) => is_hex(hex, 24),
        _ => false,
    }
}

fn is_time(text: &str) -> bool {
    let digit_as_zero = |c: char| if c.is_ascii_digit() { '0' } else { c };
    let shape: String = text.chars().map(digit_as_zero).collect();
    shape == "0000-00-00T00:00:00.000000+00:00"
}

fn compare(expected: &Json, actual: &Json, path: &str, rules: &Rules<'_>, found: &mut String) {
    let is_one_of = |ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
    match (expected, actual) {
        (Json::Object(expected), Json::Object(actual)) => {
            for (key, value) in expected {
                match actual.get(key) {
                    Some(other) => compare(value, other, &format!("{path}.{key}"), rules, found),
                    // What the SDK says of settings that nobody made is its own affair.
                    None if path.ends_with("model_config") && value.is_null() => {}
                    None => note(found, path, format_args!("`{key}` is missing")),
                }
            }
            for key in actual.keys().filter(|key| !expected.contains_key(*key)) {
                if !is_one_of(rules.open) {
                    note(found, path, format_args!("`{key}` is one too many"));
                }
            }
        }
        (Json::Array(expected), Json::Array(actual)) => {
            for (place, (value, other)) in expected.iter().zip(actual).enumerate() {
                compare(value, other, &format!("{path}[{place}]"), rules, found);
            }
            if expected.len() != actual.len() {
                let (expected, actual) = (expected.len(), actual.len());
                note(found, path, format_args!("{actual} items, expected {expected}"));
            }
        }
        _ if kind(expected) != kind(actual) => {
            note(found, path, format_args!("{actual}, expected {expected}"));
        }
        _ if expected == actual || is_one_of(rules.wording) => {}
        (Json::String(text), Json::String(other)) => match (nested(text), nested(other)) {
            (Some(expected), Some(actual)) => compare(&expected, &actual, path, rules, found),
            _ => note(found, path, format_args!("{actual}, expected {expected}")),
        },
        _ => note(found, path, format_args!("{actual}, expected {expected}")),
    }
}

/// JSON in a string, in which spaces do not matter.
fn nested(text: &str) -> Option<Json> {
    serde_json::from_str(text).ok().filter(|json: &Json| json.is_object() || json.is_array())
}

fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float",
        Json::Number(_) => "integer",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

fn note(found: &mut String, path: &str, what: std::fmt::Arguments<'_>) {
    let _ = writeln!(found, "  {path}: {what}");
}

/// Both requests side by side, a line an item.
fn outline(expected: &Json, actual: &Json) -> String {
    let line = |items: &Json, place: usize| {
        let data = &items[place]["span_data"];
        let name =
            ["name", "response_id", "to_agent", "model"].iter().find_map(|key| data[key].as_str());
        let kind = data["type"].as_str().or(items[place]["object"].as_str()).unwrap_or("(none)");
        format!("{kind} {}", name.unwrap_or_default())
    };
    let items = |items: &Json| items.as_array().map_or(0, Vec::len);
    let mut text = format!("  {:>4}  {:<30} {}\n", "", "expected", "sent");
    for place in 0..items(expected).max(items(actual)) {
        let _ =
            writeln!(text, "  {place:>4}  {:<30} {}", line(expected, place), line(actual, place));
    }
    text
}
