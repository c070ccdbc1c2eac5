//! Random traces of finished spans.

use std::time::Duration;

use proptest::{collection::vec, prelude::*, sample::select};
use raaf_trace_model::{Kind, attributes::Attributes, span::Status};

use super::{attributes, text};
use crate::build::{self, TreeBuilder};

/// Limits on the size of random traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeLimits {
    /// Largest depth below the root.
    pub depth: u32,
    /// Approximate largest number of spans.
    pub spans: u32,
    /// Largest number of siblings.
    pub breadth: u32,
    /// Generates hostile names and values, in place of plain words.
    pub hostile: bool,
}

impl Default for TreeLimits {
    fn default() -> Self {
        Self { depth: 5, spans: 32, breadth: 5, hostile: true }
    }
}

/// Generates traces: kinds and statuses of every sort, errors, events, sequential and parallel
/// spans, hostile names and values. Shrinks to a single span.
pub fn tree() -> impl Strategy<Value = TreeBuilder> {
    tree_within(TreeLimits::default())
}

/// Generates traces within the given limits.
pub fn tree_within(limits: TreeLimits) -> impl Strategy<Value = TreeBuilder> {
    let TreeLimits { depth, spans, breadth, hostile } = limits;
    let breadth = breadth.max(1);
    let inside = one(hostile).prop_recursive(depth, spans, breadth, move |inner| {
        (one(hostile), vec(inner, 0..=breadth as usize), any::<bool>()).prop_map(
            |(span, children, at_once)| {
                let span = span.children(children);
                if at_once { span.at_once() } else { span }
            },
        )
    });
    let word = name(hostile);
    (inside, prop::option::of(word.clone()), prop::option::of(word), attributes_of(hostile))
        .prop_map(|(mut tree, workflow, group, metadata)| {
            if let Some(workflow) = workflow {
                tree = tree.workflow_name(workflow);
            }
            if let Some(group) = group {
                tree = tree.group_id(group);
            }
            metadata.iter().fold(tree, |tree, (key, value)| tree.metadata(key.to_owned(), value))
        })
}

fn name(hostile: bool) -> BoxedStrategy<String> {
    if hostile { text().boxed() } else { "[A-Z][a-z]{1,8}".boxed() }
}

fn attributes_of(hostile: bool) -> BoxedStrategy<Attributes> {
    if hostile {
        return attributes().boxed();
    }
    let pairs = vec(("[a-z]{1,8}", any::<i32>()), 0..4);
    pairs.prop_map(|pairs| pairs.into_iter().collect()).boxed()
}

/// A span with nothing inside.
fn one(hostile: bool) -> impl Strategy<Value = TreeBuilder> {
    let who = (kind(hostile), name(hostile), prop::option::of(name(hostile)));
    let when = (0..5_000_000_u64, 0..1_000_000_u64);
    let events = vec((name(hostile), attributes_of(hostile)), 0..3);
    (who, when, attributes_of(hostile), events, end(hostile)).prop_map(
        |((kind, name, method), (lasting, pause), attributes, events, end)| {
            let mut span = build::span(kind, name)
                .lasting(Duration::from_nanos(lasting))
                .after(Duration::from_nanos(pause))
                .attributes(|own| {
                    own.merge(attributes);
                });
            if let Some(method) = method {
                span = span.method(method);
            }
            for (name, attributes) in events {
                span = span.event(name, |own| {
                    own.merge(attributes);
                });
            }
            match end {
                End::Status(status) => span.status(status),
                End::Error { kind, message, sources } => {
                    span.error(kind, message).error_sources(sources)
                }
            }
        },
    )
}

fn kind(hostile: bool) -> BoxedStrategy<Kind> {
    let known = select(Kind::KNOWN);
    let word = if hostile { text().boxed() } else { "[a-z]{3,9}".boxed() };
    prop_oneof![4 => known, 1 => word.prop_map(Kind::from)].boxed()
}

#[derive(Clone, Debug)]
enum End {
    Status(Status),
    Error { kind: String, message: String, sources: Vec<String> },
}

fn end(hostile: bool) -> impl Strategy<Value = End> {
    let status = select(&[Status::Ok, Status::Unset, Status::Cancelled, Status::Stale]);
    let error = (name(hostile), name(hostile), vec(name(hostile), 0..3));
    prop_oneof![
        4 => status.prop_map(End::Status),
        1 => error.prop_map(|(kind, message, sources)| End::Error { kind, message, sources }),
    ]
}
