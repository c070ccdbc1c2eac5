//! Random text, values, spans and traces for `proptest`, for tests of sinks and hooks. For
//! workflows that run, see [`workflow`](crate::workflow).
//!
//! | strategy | makes |
//! | --- | --- |
//! | [`text`] | strings that have broken programs before, and any others |
//! | [`key`] | keys of attributes: ordinary, reserved, secret, hostile |
//! | [`value`], [`json`] | values of every type, nested and not finite |
//! | [`attributes`] | some of them |
//! | [`tree`], [`tree_within`] | whole traces of finished spans |
//!
//! ```
//! use proptest::prelude::*;
//! use raaf_testkit::{assert_coherent, strategy};
//!
//! proptest!(ProptestConfig::with_cases(20), |(tree in strategy::tree())| {
//!     assert_coherent!(tree);
//!     prop_assert_eq!(tree.build().len(), tree.count());
//! });
//! ```

#[cfg(test)]
mod tests;
mod trees;

use proptest::{collection::vec, prelude::*, sample::select};
use raaf_trace_model::{
    attributes::{Attributes, SpanLimits, Value},
    keys,
};
use serde_json::{Map, Number, Value as Json};

use crate::hostile;
pub use trees::{TreeLimits, tree, tree_within};

/// The longest text: longer than the limits that providers have for content.
const LONGEST: usize = 120_000;

/// Generates strings: plain words, hostile ones (control characters, escape sequences for
/// terminals, direction marks, broken JSON, apparent secrets), arbitrary characters, and
/// occasionally a huge one. Shrinks to the empty string.
pub fn text() -> impl Strategy<Value = String> {
    let hostile = || select(hostile::TEXTS).prop_map(str::to_owned);
    let huge = (hostile(), 1..LONGEST).prop_map(|(text, length)| {
        let unit = if text.is_empty() { "long " } else { &text };
        let mut text = unit.repeat(length.div_ceil(unit.len()));
        let end = (0..=length).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
        text
    });
    prop_oneof![
        6 => "[a-z]{0,12}",
        6 => hostile(),
        4 => any::<String>(),
        2 => vec(hostile(), 0..4).prop_map(|texts| texts.concat()),
        1 => huge,
    ]
}

/// Keys that mean something.
const KNOWN: &[&str] = &[
    keys::GEN_AI_REQUEST_MODEL,
    keys::GEN_AI_USAGE_INPUT_TOKENS,
    keys::TOOL_ARGUMENTS,
    keys::AGENT_NAME,
    keys::INPUT,
    keys::COMPONENT_NAME,
    keys::ERROR_TYPE,
    keys::SUCCESS,
    "api_key",
    "db.password",
    "http.request.header.authorization",
];

/// Generates keys of attributes: keys of the library, custom, reserved and hostile ones, and ones
/// that name a secret.
pub fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,8}([.][a-z_]{1,8}){0,2}",
        2 => select(KNOWN).prop_map(str::to_owned),
        1 => select(hostile::TEXTS).prop_map(str::to_owned),
    ]
}

/// Generates JSON values, nested a few levels deep.
pub fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(|float| Number::from_f64(float).map_or(Json::Null, Json::Number)),
        text().prop_map(Json::String),
    ];
    leaf.prop_recursive(6, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Json::Array),
            vec((key(), inner), 0..4).prop_map(|pairs| Json::Object(Map::from_iter(pairs))),
        ]
    })
}

/// Generates values of every type. Floats are occasionally not finite.
pub fn value() -> impl Strategy<Value = Value> {
    let odd = select(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE]);
    prop_oneof![
        2 => any::<bool>().prop_map(Value::Bool),
        3 => any::<i64>().prop_map(Value::Int),
        2 => any::<f64>().prop_map(Value::Float),
        1 => odd.prop_map(Value::Float),
        5 => text().prop_map(Value::from),
        3 => json().prop_map(Value::from),
    ]
}

/// Generates up to eight attributes, without limits.
pub fn attributes() -> impl Strategy<Value = Attributes> {
    vec((key(), value(), prop::bool::weighted(0.2)), 0..8).prop_map(|pairs| {
        let limits = SpanLimits::DEFAULT.with_max_value_bytes(u32::MAX);
        let mut attributes = Attributes::with_limits(limits.with_max_content_bytes(u32::MAX));
        for (key, value, content) in pairs {
            if content {
                attributes.set_content(key, value);
            } else {
                attributes.set(key, value);
            }
        }
        attributes
    })
}
