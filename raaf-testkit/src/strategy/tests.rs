//! Random data reaches what it is meant to reach, and shrinks.

use std::collections::BTreeSet;

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngSeed, TestRunner},
};
use raaf_trace_core::{Redactor, attributes::ValueRef};

use super::{TreeLimits, attributes, text, tree, tree_within, value};

/// Random, but the same in each run.
fn samples<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(7), ..Config::default() });
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// The smallest value of a strategy for which something holds, as shrinking finds it.
fn smallest<S: Strategy>(strategy: &S, holds: impl Fn(&S::Value) -> bool) -> S::Value {
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(7), ..Config::default() });
    let mut tree = (0..2_000)
        .map(|_| strategy.new_tree(&mut runner).unwrap())
        .find(|tree| holds(&tree.current()))
        .unwrap();
    let mut smallest = tree.current();
    loop {
        let current = tree.current();
        let going = if holds(&current) {
            smallest = current;
            tree.simplify()
        } else {
            tree.complicate()
        };
        if !going {
            return smallest;
        }
    }
}

#[test]
fn texts_are_of_every_sort() {
    let texts = samples(&text(), 2_000);
    for (what, holds) in [
        ("empty", &(|text: &str| text.is_empty()) as &dyn Fn(&str) -> bool),
        ("escape", &|text| text.contains('\u{1b}')),
        ("nul", &|text| text.contains('\0')),
        ("direction", &|text| text.contains('\u{202e}')),
        ("quote", &|text| text.contains('"')),
        ("line separator", &|text| text.contains('\u{2028}')),
        ("beyond the basic plane", &|text| text.chars().any(|letter| letter > '\u{ffff}')),
        ("a secret", &|text| text.contains("api_key")),
        ("huge", &|text| text.len() > 100_000),
        ("a word", &|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase())),
    ] {
        assert!(texts.iter().any(|text| holds(text)), "{what}");
    }
}

#[test]
fn values_are_of_every_type() {
    let mut seen = BTreeSet::new();
    for value in samples(&value(), 500) {
        seen.insert(match value.as_ref() {
            ValueRef::Bool(_) => "bool",
            ValueRef::Int(_) => "int",
            ValueRef::Float(float) if float.is_finite() => "float",
            ValueRef::Float(_) => "not finite",
            ValueRef::Str(_) => "text",
            ValueRef::Json(json) if json.is_array() => "array",
            ValueRef::Json(json) if json.is_object() => "object",
            _ => "other",
        });
    }
    assert_eq!(seen.len(), 8, "{seen:?}");
}

#[test]
fn keys_are_also_secret_and_reserved() {
    let redactor = Redactor::default();
    let all = samples(&attributes(), 300);
    let mut keys = all.iter().flat_map(|attributes| attributes.iter().map(|(key, _)| key));
    assert!(keys.any(|key| redactor.is_secret_key(key)));
    assert!(all.iter().any(|attributes| attributes.losses().reserved_ignored > 0));
    let content = |attributes: &raaf_trace_core::Attributes| {
        attributes.entries().iter().any(raaf_trace_core::attributes::AttributeEntry::is_content)
    };
    assert!(all.iter().any(content));
}

#[test]
fn trees_are_coherent_and_of_every_sort() {
    let trees = samples(&tree(), 200);
    let mut statuses = BTreeSet::new();
    let mut largest = 0;
    for tree in &trees {
        let spans = tree.spans();
        spans.check_coherent().unwrap();
        statuses.extend(spans.iter().map(|span| span.status().as_str()));
        largest = largest.max(spans.len());
    }
    assert_eq!(statuses.len(), 5, "{statuses:?}");
    assert!(largest > 15, "{largest} spans are few for the largest trace");
}

#[test]
fn a_tree_shrinks_to_what_matters() {
    let fails = |tree: &crate::build::TreeBuilder| {
        tree.spans().iter().any(|span| span.error().is_some() && !span.is_local_root())
    };
    let shrunk = smallest(&tree(), fails);
    assert_eq!(shrunk.count(), 2, "{shrunk:?}");
}

#[test]
fn plain_trees_have_plain_names() {
    let limits = TreeLimits { hostile: false, depth: 2, breadth: 0, ..TreeLimits::default() };
    for tree in samples(&tree_within(limits), 50) {
        for span in tree.build() {
            assert!(span.component_name().chars().all(char::is_alphabetic));
        }
        assert!(tree.count() <= 4);
    }
}
