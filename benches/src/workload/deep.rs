//! Spans inside spans inside spans.

use std::hint::black_box;

use super::Workload;
use crate::{
    facts::{Facts, Kind, Says},
    tool::Tool,
};

/// Traces in which each span is the parent of the next.
#[derive(Clone, Copy, Debug)]
pub struct Deep {
    /// Spans of a trace.
    pub depth: usize,
    /// Traces in a burst.
    pub traces: usize,
}

impl Workload for Deep {
    type Prepared<T: Tool> = (T::Part, Vec<T::Part>);

    fn prepare<T: Tool>(&self, tool: &T) -> (T::Part, Vec<T::Part>) {
        let root = tool.part(Facts::new(Kind::Pipeline, "ReportPipeline", 0), None);
        let mut chain: Vec<T::Part> = Vec::with_capacity(self.depth);
        for number in 1..self.depth {
            let facts = Facts::new(Kind::Agent, "Researcher", number);
            let part = tool.part(facts, chain.last().or(Some(&root)));
            chain.push(part);
        }
        (root, chain)
    }

    fn burst<T: Tool>(&self, tool: &T, (root, chain): &(T::Part, Vec<T::Part>)) {
        for _ in 0..self.traces {
            tool.span(None, root, Says::Four, |span| dive(tool, span, chain));
        }
    }

    fn spans(&self) -> u64 {
        (self.depth * self.traces) as u64
    }
}

fn dive<T: Tool>(tool: &T, parent: &T::Span, chain: &[T::Part]) {
    match chain.split_first() {
        Some((part, rest)) => {
            tool.span(Some(parent), part, Says::Four, |span| dive(tool, span, rest));
        }
        None => black_box(()),
    }
}
