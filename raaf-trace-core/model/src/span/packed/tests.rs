use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    attributes::{Attributes, MOST_COPIED, Value},
    id::TraceId,
    span::LocalRoot,
};

/// Returns spans whose traces and components others share. Of two traces each, the ids are the same,
/// as of two requests that belong to one remote trace.
fn shared() -> Vec<FinishedSpan> {
    let span = |number: u64| {
        let span = FinishedSpan::builder("tool", format!("C{number}"));
        let span = if number == 0 { span.metadata("tenant", "acme") } else { span };
        let mut span = span.workflow_name(format!("request {number}")).build();
        let trace = Arc::make_mut(&mut span.head.trace);
        if number > 0 {
            // Limits of no attributes, which no sink sees.
            trace.info.metadata = Attributes::new();
        }
        let id = SpanId::from_u64(100 + number).unwrap();
        trace.root = Some(LocalRoot::new(id, None, "tool".into(), "Serve".into()));
        trace.id = TraceId::from_u128(1 + u128::from(number / 2)).unwrap();
        span
    };
    (0..4).map(span).collect()
}

/// Returns a span whose data follow from the number, of one of the shared traces.
fn span(number: u64, shared: &[FinishedSpan]) -> FinishedSpan {
    let kind = ["tool", "agent"][number as usize % 2];
    let span = FinishedSpan::builder(kind, format!("C{}", number % 7))
        .span_id(SpanId::from_u64(number + 1).unwrap())
        .parent_id(SpanId::from_u64(number % 4))
        // At one address.
        .method(&"run12"[..3 + number as usize % 3])
        .local_root(number.is_multiple_of(4))
        .status([Status::Ok, Status::Cancelled, Status::Unset][number as usize % 3])
        .attributes(|attributes| {
            for place in 0..number % 6 {
                let key = format!("key.{place}");
                match (number + place) % 7 {
                    0 => attributes.set(key, number.cast_signed()),
                    1 => attributes.set("fixed", number % 4 == 1),
                    2 => attributes.set("float", 0.5 * number as f64),
                    3 => attributes.set_content(key, format!("text {number} äöü")),
                    4 => attributes.set(key, "x".repeat(MOST_COPIED - 50 + number as usize)),
                    5 => attributes.set_content_with(key, || "on demand"),
                    _ => attributes.set(key, Value::json(&[number, place])),
                };
            }
        });
    let mut span = match number % 11 {
        0 => span.event("happened", std::time::UNIX_EPOCH, |_| {}),
        1 => span.error("Broken", "it broke"),
        2 => span.name("a name"),
        _ => span,
    }
    .build();
    if number.is_multiple_of(13) {
        let limits = span.body.attributes.limits();
        span.body.attributes.set_limits(limits.with_content(false));
    }
    let shared = &shared[number as usize / 2 % shared.len()].head;
    span.head.trace = Arc::clone(&shared.trace);
    if number.is_multiple_of(2) {
        span.head.component = Arc::clone(&shared.component);
    }
    span.head.has_children = number.is_multiple_of(3);
    span.body.result_type = number.is_multiple_of(5).then_some("alloc::string::String");
    span
}

fn add(packed: &mut PackedSpans, span: FinishedSpan) {
    let FinishedSpan { head, mut body, end } = span;
    let facts = SpanFacts {
        span_id: head.span_id,
        parent_id: head.parent_id,
        trace: &head.trace,
        component: &head.component,
        method: &head.method,
        name: head.name.as_deref(),
        start: head.start,
        end,
        local_root: head.local_root,
        has_children: head.has_children,
    };
    packed.push(&facts, &mut body);
    assert!(body.attributes.is_empty() && body.status == Status::Unset);
}

/// Returns all that a sink can see of a span.
fn seen(span: &FinishedSpan) -> String {
    let FinishedSpan { head, body, end } = span;
    format!("{head:?} {body:?} {end:?}")
}

/// A step on packed spans, and the same on a list.
#[derive(Clone, Debug)]
enum Step {
    Push(u64),
    PushWhole(u64),
    SplitFront(usize),
    RemoveLeaf(usize),
    Unpack,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..400_u64).prop_map(Step::Push),
        2 => (0..400_u64).prop_map(Step::PushWhole),
        2 => (0..20_usize).prop_map(Step::SplitFront),
        2 => (0..20_usize).prop_map(Step::RemoveLeaf),
        1 => Just(Step::Unpack),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn g67_packed_spans_come_out_as_they_were(steps in vec(step(), 0..120)) {
        let (mut packed, mut expected) = (PackedSpans::default(), Vec::<FinishedSpan>::new());
        let (mut delivered, shared) = (Vec::new(), shared());
        for step in steps.into_iter().chain([Step::Unpack]) {
            match step {
                Step::Push(number) => {
                    let span = span(number, &shared);
                    expected.push(span.clone());
                    add(&mut packed, span);
                }
                Step::PushWhole(number) => {
                    let span = span(number, &shared);
                    expected.push(span.clone());
                    packed.push_whole(span);
                }
                Step::SplitFront(count) => {
                    let mut front = packed.split_front(count);
                    let count = count.min(expected.len());
                    let expected: Vec<_> = expected.drain(..count).collect();
                    check(&mut front, &expected, &mut Vec::new())?;
                }
                Step::RemoveLeaf(searched) => {
                    let from = expected.len().saturating_sub(searched);
                    let leaf = expected[from..].iter().rposition(FinishedSpan::is_leaf);
                    prop_assert_eq!(packed.remove_leaf(searched), leaf.is_some());
                    leaf.map(|at| expected.remove(from + at));
                }
                Step::Unpack => {
                    check(&mut packed, &expected, &mut delivered)?;
                    expected.clear();
                }
            }
            prop_assert_eq!(packed.len(), expected.len());
        }
    }
}

fn check(
    packed: &mut PackedSpans,
    expected: &[FinishedSpan],
    delivered: &mut Vec<FinishedSpan>,
) -> Result<(), TestCaseError> {
    FinishedSpan::clear_all(delivered);
    let end = packed.unpack_over(delivered, 0);
    delivered.truncate(end);
    let all = |spans: &[FinishedSpan]| spans.iter().map(seen).collect::<Vec<_>>();
    prop_assert_eq!(all(delivered), all(expected));
    prop_assert!(packed.is_empty());
    Ok(())
}

#[test]
fn g67_a_packed_span_does_not_end_before_it_starts() {
    let mut packed = PackedSpans::default();
    let mut span = FinishedSpan::builder("tool", "Search").build();
    span.end = Timestamp::from_nanos(1);
    span.head.start = Timestamp::from_nanos(2);
    add(&mut packed, span);
    let mut spans = Vec::new();
    assert_eq!(packed.unpack_over(&mut spans, 0), 1);
    assert_eq!(spans[0].end, spans[0].head.start);
}

#[test]
fn g67_more_spans_than_there_are_numbers_keep_their_components() {
    let (mut packed, mut spans) = (PackedSpans::default(), Vec::new());
    let name = |number: usize| format!("C{number}");
    let span = |number| FinishedSpan::builder("tool", name(number)).build();
    // What these refer to stays.
    for number in 0..50 {
        add(&mut packed, span(number));
    }
    assert_eq!(packed.unpack_over(&mut spans, 0), 50);
    let count = usize::from(u16::MAX) + 9;
    for number in 0..count {
        add(&mut packed, span(number));
    }
    FinishedSpan::clear_all(&mut spans);
    assert_eq!(packed.unpack_over(&mut spans, 0), count);
    assert!((0..count).all(|number| spans[number].component_name() == name(number)));
}

#[test]
fn g67_emptied_lists_keep_nothing_of_a_trace() {
    let empty: [fn(&mut PackedSpans); 2] = [
        |packed| assert_eq!(packed.unpack_over(&mut Vec::new(), 0), 1),
        |packed| assert_eq!(packed.split_front(9).len(), 1),
    ];
    for empty in empty {
        let mut packed = PackedSpans::default();
        let span = FinishedSpan::builder("tool", "Search").metadata("tenant", "acme").build();
        let trace = Arc::downgrade(&span.head.trace);
        add(&mut packed, span);
        empty(&mut packed);
        assert!(trace.upgrade().is_none());
    }
}

#[test]
fn g67_emptied_lists_keep_few_components() {
    let mut packed = PackedSpans::default();
    let spans: Vec<_> = (0..100)
        .map(|number| FinishedSpan::builder("tool", format!("C{number}")).build())
        .collect();
    let components: Vec<_> =
        spans.iter().map(|span| Arc::downgrade(&span.head.component)).collect();
    for span in spans {
        add(&mut packed, span);
    }
    assert_eq!(packed.unpack_over(&mut Vec::new(), 0), 100);
    assert!(components.iter().all(|component| component.upgrade().is_none()));
}

#[test]
fn g67_emptied_lists_keep_little_memory_of_large_spans() {
    let mut packed = PackedSpans::default();
    packed.prepare(500);
    for number in 0..500 {
        let span = FinishedSpan::builder("tool", "Search").attributes(|attributes| {
            for place in 0..60 {
                attributes.set(format!("key.{place}"), "x".repeat(MOST_COPIED));
                attributes.set(format!("list.{place}"), Value::json(&[number]));
            }
        });
        add(&mut packed, span.build());
    }
    let mut spans = Vec::new();
    assert_eq!(packed.unpack_over(&mut spans, 0), 500);
    packed.prepare(500);
    assert!(packed.memory() < 150_000, "{}", packed.memory());
}
