use std::cell::Cell;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{super::json::tests as any, *};

fn limited(change: impl FnOnce(&mut SpanLimits)) -> Attributes {
    let mut limits = SpanLimits::default();
    change(&mut limits);
    Attributes::with_limits(limits)
}

#[test]
fn g31_attributes_are_read_by_key_and_in_order() {
    let mut attributes = Attributes::new();
    attributes.set("b", 1).set("a", "x").set("c", true).set(String::from("d"), 0.5);
    assert_eq!(attributes.get("a"), Some("x".into()));
    assert_eq!(attributes.get("missing"), None);
    assert!(attributes.contains("c"));
    let keys: Vec<_> = attributes.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["b", "a", "c", "d"]);
    assert_eq!(serde_json::to_string(&attributes).unwrap(), r#"{"b":1,"a":"x","c":true,"d":0.5}"#);
}

#[test]
fn setting_a_key_again_replaces_it_in_place() {
    let mut attributes = Attributes::from_iter([("a", 1), ("b", 2)]);
    attributes.set("a", "new").set("b", None::<i32>);
    let pairs: Vec<_> = attributes.iter().collect();
    assert_eq!(pairs, [("a", "new".into()), ("b", 2.into())]);
}

#[test]
fn a1_structures_are_kept_as_json() {
    let mut attributes = Attributes::new();
    attributes.set("list", vec![1, 2]).set("json", json!({"a": null})).set_json("tuple", &(1, "x"));
    assert_eq!(
        serde_json::to_value(&attributes).unwrap(),
        json!({"list": [1, 2], "json": {"a": null}, "tuple": [1, "x"]})
    );
}

#[test]
fn a1_floats_that_are_not_finite_stay_valid_json() {
    let mut attributes = Attributes::new();
    attributes.set("nan", f64::NAN).set_json("list", &[f64::INFINITY]);
    assert_eq!(serde_json::to_string(&attributes).unwrap(), r#"{"nan":"NaN","list":["inf"]}"#);
}

#[test]
fn a1_values_of_any_depth_are_cut_kept_out_or_dropped_without_overflow() {
    const DEPTH: usize = 100_000;
    let mut attributes = limited(|limits| limits.max_attributes = 3);
    attributes.set("kept", any::nest(DEPTH)).set("success", any::nest(DEPTH));
    let shared = std::sync::Arc::new(any::nest(DEPTH));
    attributes.set("shared", Value::Json(shared.clone()));
    attributes.set_json("serialised", &*shared).set("too many", Value::Json(shared));
    let expected = AttributeLosses {
        cut_values: 2,
        dropped_attributes: 1,
        reserved_ignored: 1,
        ..AttributeLosses::default()
    };
    assert_eq!(attributes.losses(), expected);
    let text = serde_json::to_string(&attributes).unwrap();
    assert!(serde_json::from_str::<Json>(&text).is_ok());
}

#[test]
fn a2_more_attributes_than_allowed_are_ignored_and_counted() {
    let mut attributes = Attributes::new();
    attributes.extend((0..200).map(|number| (format!("key {number}"), number)));
    attributes.set("key 5", "replaced");
    assert_eq!(attributes.len(), 128);
    assert_eq!(attributes.get("key 5"), Some("replaced".into()));
    assert_eq!(attributes.losses().dropped_attributes, 72);
}

#[test]
fn a2_content_has_a_limit_of_its_own() {
    let text = "x".repeat(200_000);
    let mut attributes = Attributes::new();
    attributes.set("plain", &text).set_content("content", &text);
    let len = |key| attributes.get(key).and_then(ValueRef::as_str).map(str::len);
    assert_eq!(len("plain"), Some(4_096));
    assert_eq!(len("content"), Some(100_000));
    assert_eq!(attributes.losses().cut_values, 2);
    assert!(!attributes.losses().is_empty());
}

#[test]
fn a3_reserved_keys_are_ignored_and_counted() {
    let mut attributes = Attributes::new();
    attributes
        .set("component.type", "agent")
        .set("success", true)
        .set_json("duration_ms", &1)
        .set_content("error.message", "x")
        .set("error", "free");
    assert_eq!(attributes.len(), 1);
    assert_eq!(attributes.losses().reserved_ignored, 4);
    assert_eq!(attributes.ignored_keys().count(), 4);
    attributes.set_reserved("component.type", "agent");
    assert_eq!(attributes.get("component.type"), Some("agent".into()));

    let mut event = Attributes::new();
    event.set_reserved("success", false).set_reserved_content("error.message", "x").set("a", 1);
    let (mut kept, mut ignored) = (Attributes::new(), Attributes::new());
    kept.merge_reserved(event.clone());
    ignored.merge(event);
    assert_eq!((kept.len(), kept.losses().reserved_ignored), (3, 0));
    assert_eq!((ignored.len(), ignored.losses().reserved_ignored), (1, 2));
}

#[test]
fn a5_content_is_marked_when_it_is_written() {
    let mut attributes = Attributes::new();
    attributes.set("gen_ai.request.model", "m").set_content("gen_ai.input.messages", "hello");
    let marks: Vec<_> = attributes.entries().iter().map(AttributeEntry::is_content).collect();
    assert_eq!(marks, [false, true]);
    assert_eq!(attributes.entries()[1].key(), "gen_ai.input.messages");
}

#[test]
fn a5_content_that_is_switched_off_is_not_stored() {
    let mut attributes = limited(|limits| limits.include_content = false);
    attributes.set("tokens", 12).set_content("prompt", "hello");
    assert_eq!(attributes.iter().collect::<Vec<_>>(), [("tokens", 12.into())]);
    assert_eq!(attributes.losses().content_left_out, 1);
}

#[test]
fn s2_content_that_is_switched_off_is_not_made() {
    let calls = Cell::new(0);
    let make = || {
        calls.set(calls.get() + 1);
        "prompt"
    };
    limited(|limits| limits.include_content = false).set_content_with("prompt", make);
    assert_eq!(calls.get(), 0);
    assert!(Attributes::new().set_content_with("prompt", make).contains("prompt"));
    assert_eq!(calls.get(), 1);
}

#[test]
fn g14_merging_sets_all_under_the_receivers_rules() {
    let mut other = Attributes::new();
    other.set("a", 2).set("long", "x".repeat(50)).set_content("prompt", "p").set("success", 1);
    let mut attributes = limited(|limits| {
        limits.max_value_bytes = 20;
        limits.include_content = false;
    });
    attributes.set("a", 1).merge(other);
    let keys: Vec<_> = attributes.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["a", "long"]);
    assert_eq!(attributes.get("a"), Some(2.into()));
    let expected = AttributeLosses {
        cut_values: 1,
        reserved_ignored: 1,
        content_left_out: 1,
        ..AttributeLosses::default()
    };
    assert_eq!(attributes.losses(), expected);
}

#[test]
fn clearing_keeps_capacity_and_limits() {
    let mut attributes = limited(|limits| limits.max_attributes = 1);
    assert_eq!(attributes.entries.capacity(), 0);
    attributes.set("a", 1).set("b", 2);
    let capacity = attributes.entries.capacity();
    attributes.clear();
    assert!(attributes.is_empty() && attributes.losses().is_empty());
    assert_eq!(attributes.entries.capacity(), capacity);
    assert_eq!(attributes.limits().max_attributes, 1);
}

proptest! {
    #[test]
    fn a1_any_value_under_any_limit_serialises_to_valid_json(
        values in prop::collection::vec((any::<String>(), any::any_json()), 0..10),
        limit in 2_u32..100,
    ) {
        let mut attributes = limited(|limits| {
            limits.max_value_bytes = limit;
            limits.max_attributes = 5;
        });
        attributes.extend(values);
        let text = serde_json::to_string(&attributes).unwrap();
        prop_assert!(serde_json::from_str::<Json>(&text).is_ok());
        prop_assert!(attributes.len() <= 5);
        for (_, value) in attributes.iter() {
            let len = value.to_string().len();
            let number = value.as_f64().is_some() || value.as_bool().is_some();
            prop_assert!(number || len <= limit as usize, "{value}");
        }
    }
}

#[test]
fn l11_what_the_library_says_at_the_end_finds_room() {
    let mut attributes = limited(|limits| limits.max_attributes = 2);
    attributes.extend((0..5).map(|number| (format!("user.{number}"), number)));
    attributes.set(keys::GEN_AI_USAGE_INPUT_TOKENS, 7).set(keys::TOOL_RESULT, "found");
    attributes.set_reserved(keys::COLLECTOR_ERROR, "panicked");
    assert_eq!((attributes.len(), attributes.losses().dropped_attributes), (5, 3));
    assert!(attributes.get(keys::GEN_AI_USAGE_INPUT_TOKENS).is_some_and(|tokens| tokens == 7));
    // The reserve is limited, too: a program can use keys of that form.
    attributes.extend((0..100).map(|number| (format!("retry.{number}"), number)));
    assert_eq!(attributes.len(), 2 + 32);
}

#[test]
fn g67_a_cleared_list_keeps_memory_for_64_attributes_at_most() {
    let kept = |attributes: usize| {
        let mut list = Attributes::new();
        list.extend((0..attributes).map(|number| (format!("key.{number}"), number)));
        list.clear();
        list.entries.capacity()
    };
    assert_eq!(kept(0), 0);
    assert!((3..=MOST_KEPT).contains(&kept(3)));
    assert_eq!((kept(MOST_KEPT), kept(MOST_KEPT + 1)), (MOST_KEPT, 0));
}
