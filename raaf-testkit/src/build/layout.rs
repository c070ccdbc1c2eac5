//! Assigns ids and times to the spans of a tree.

use std::time::Duration;

use raaf_trace_model::{
    id::{SpanId, TraceId},
    span::FinishedSpan,
};

use super::{Node, TreeBuilder};

/// Time that a span takes for itself: alone, or before and after its children.
const OWN: Duration = Duration::from_millis(1);

/// The spans of a tree, each before those inside it.
pub(super) fn lay_out(tree: &TreeBuilder) -> Vec<FinishedSpan> {
    let nodes = &tree.nodes;
    let parents = parents(nodes);
    let durations = durations(nodes, &parents);
    // Where the next span inside each one starts, from the trace's start.
    let mut next = vec![Duration::ZERO; nodes.len()];
    let mut spans = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        let parent = parents[index];
        let begin = parent.map_or(Duration::ZERO, |parent| next[parent]) + node.pause;
        next[index] = begin + OWN;
        if let Some(parent) = parent
            && !nodes[parent].at_once
        {
            next[parent] = begin + durations[index];
        }
        let start = tree.start + begin;
        let mut span = node
            .span
            .clone()
            .trace_id(trace_id(tree.number))
            .span_id(span_id(tree.number, index))
            .parent_id(parent.map(|parent| span_id(tree.number, parent)))
            .start(start)
            .lasting(durations[index]);
        for (name, attributes) in &node.events {
            span = span.event(name.clone(), start, |own| {
                own.merge(attributes.clone());
            });
        }
        if let Some(name) = &tree.workflow_name {
            span = span.workflow_name(name.clone());
        }
        if let Some(id) = &tree.group_id {
            span = span.group_id(id.clone());
        }
        for (key, value) in &tree.metadata {
            span = span.metadata(key.clone(), value);
        }
        spans.push(span.build());
    }
    spans
}

fn parents(nodes: &[Node]) -> Vec<Option<usize>> {
    let mut around: Vec<usize> = Vec::new();
    let parent_of = |(index, node): (usize, &Node)| {
        around.truncate(node.depth);
        let parent = around.last().copied();
        around.push(index);
        parent
    };
    nodes.iter().enumerate().map(parent_of).collect()
}

fn durations(nodes: &[Node], parents: &[Option<usize>]) -> Vec<Duration> {
    let mut inside = vec![None; nodes.len()];
    let mut durations = vec![Duration::ZERO; nodes.len()];
    for (index, node) in nodes.iter().enumerate().rev() {
        let told = node.lasting;
        durations[index] = match inside[index] {
            None => told.unwrap_or(OWN),
            Some(inside) => told.unwrap_or_default().max(OWN + inside + OWN),
        };
        if let Some(parent) = parents[index] {
            let (taken, sum) = (durations[index] + node.pause, inside[parent].unwrap_or_default());
            let all = if nodes[parent].at_once { taken.max(sum) } else { taken + sum };
            inside[parent] = Some(all);
        }
    }
    durations
}

/// Zero is not an id: the number of the trace counts from one for everybody.
fn trace_id(number: u32) -> TraceId {
    TraceId::from_u128(u128::from(number.max(1))).unwrap_or_else(TraceId::random)
}

fn span_id(number: u32, index: usize) -> SpanId {
    let trace = u64::from(number.max(1) - 1) << 32;
    SpanId::from_u64(trace + index as u64 + 1).unwrap_or_else(SpanId::random)
}
