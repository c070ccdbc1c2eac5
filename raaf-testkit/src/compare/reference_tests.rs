//! That the quick way of comparing agrees with trying everything.

use proptest::{collection::vec, prelude::*};
use raaf_trace_core::{Component, Traceable as _};

use crate::{
    Capture, Expected, Node, Pattern, Siblings, Spans,
    expected::{Count, Item},
};

/// Returns whether the items describe these siblings, identified by name; tries every arrangement.
fn describes(items: &[Item], found: &[&str]) -> bool {
    let Some((item, rest)) = items.split_first() else { return found.is_empty() };
    (0..=found.len()).any(|length| {
        let (here, behind) = found.split_at(length);
        let fits = match item {
            Item::Node(node) => node.count.allows(length) && here.iter().all(|name| is(node, name)),
            Item::Others => true,
            Item::AnyOrder(group) => {
                let nodes = group.nodes();
                shares_out(&nodes, &mut vec![0; nodes.len()], group.is_open(), here)
            }
        };
        fits && describes(rest, behind)
    })
}

fn shares_out(nodes: &[&Node], counts: &mut [usize], open: bool, found: &[&str]) -> bool {
    let Some((name, rest)) = found.split_first() else {
        return nodes.iter().zip(counts).all(|(node, count)| node.count.allows(*count));
    };
    if open && shares_out(nodes, counts, open, rest) {
        return true;
    }
    (0..nodes.len()).any(|at| {
        if !is(nodes[at], name) {
            return false;
        }
        counts[at] += 1;
        let fits = shares_out(nodes, counts, open, rest);
        counts[at] -= 1;
        fits
    })
}

fn is(node: &Node, name: &str) -> bool {
    node.component.matches(name)
}

fn spans(names: &[&str]) -> Spans {
    let capture = Capture::new();
    capture.run(|| names.iter().for_each(|name| Component::tool(*name).in_span("run", || ())));
    capture.spans()
}

fn names() -> impl Strategy<Value = Vec<&'static str>> {
    vec(prop::sample::select(vec!["a", "ab", "b"]), 0..6)
}

fn node() -> impl Strategy<Value = Item> {
    let components = vec![
        Pattern::from("a"),
        Pattern::from("ab"),
        Pattern::from("b"),
        Pattern::like("a*"),
        Pattern::like("*b"),
        Pattern::Any,
    ];
    let counts = vec![
        Count::ONE,
        Count::ONE,
        Count::ONE,
        Count::from(0),
        Count::from(2),
        Count::from(1..=3),
        Count::from(..=1),
        Count::SOME,
    ];
    (prop::sample::select(components), prop::sample::select(counts)).prop_map(
        |(component, count)| Item::Node(Box::new(Node::new("tool", component).times(count))),
    )
}

fn siblings() -> impl Strategy<Value = Siblings> {
    let inside = prop_oneof![6 => node(), 1 => Just(Item::Others)];
    let group = vec(inside, 0..4).prop_map(|items| Item::AnyOrder(Siblings { items }));
    let item = prop_oneof![6 => node(), 1 => Just(Item::Others), 2 => group];
    vec(item, 0..5).prop_map(|items| Siblings { items })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn comparing_agrees_with_trying_everything(siblings in siblings(), names in names()) {
        let fits = describes(&siblings.items, &names);
        let spans = spans(&names);
        let checked = Expected::new(siblings).check(&spans);
        prop_assert_eq!(checked.is_ok(), fits);
        if let Err(mismatch) = checked {
            let text = mismatch.to_string();
            prop_assert!(!text.contains("not together"), "{}", text);
        }
    }
}
