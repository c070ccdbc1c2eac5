//! Usage of agents: that of the model calls below each, up to the next agent.

use std::collections::{HashMap, hash_map::Entry};

use raaf_trace_model::{
    id::{SpanId, TraceId},
    prices::Cost,
};

use crate::input::{Facts, Input, Scan, Tokens};

/// Kind of the spans that have the usage of others.
pub(super) const KIND: &str = "agent";

/// Number of lines of each trace.
#[derive(Debug, Default)]
pub(super) struct Traces(HashMap<TraceId, Counted>);

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    lines: u64,
    agents: bool,
    calls: bool,
}

impl Traces {
    pub(super) fn add(&mut self, facts: &Facts<'_>) {
        let Some(trace) = facts.trace else { return };
        let counted = self.0.entry(trace).or_default();
        counted.lines += 1;
        counted.agents |= facts.kind == KIND;
        counted.calls |= facts.is_model_call();
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (trace, more) in other.0 {
            let counted = self.0.entry(trace).or_default();
            counted.lines += more.lines;
            counted.agents |= more.agents;
            counted.calls |= more.calls;
        }
    }

    /// Reads the files again. For each model call of an agent, calls `each` with the name that `name` returns
    /// for the agent, and the call's usage. Only traces that have begun and are not complete are kept in
    /// memory.
    ///
    /// # Errors
    ///
    /// If the input cannot be read.
    pub(super) fn usage(
        mut self,
        input: &Input,
        name: impl Fn(&Facts<'_>) -> Option<String>,
        mut each: impl FnMut(&str, Tokens, Cost),
    ) -> anyhow::Result<()> {
        self.0.retain(|_, counted| counted.agents && counted.calls);
        if self.0.is_empty() {
            return Ok(());
        }
        let mut open = HashMap::<TraceId, Spans>::new();
        Scan::of(input).in_order(|line| {
            let Some(facts) = Facts::read(line)? else { return Ok(()) };
            let Some(trace) = facts.trace else { return Ok(()) };
            let Entry::Occupied(mut counted) = self.0.entry(trace) else { return Ok(()) };
            let spans = open.entry(trace).or_default();
            spans.add(&facts, facts.cost(input.prices()), &name);
            counted.get_mut().lines -= 1;
            if counted.get().lines == 0 {
                counted.remove();
                open.remove(&trace).unwrap_or_default().finish(&mut each);
            }
            Ok(())
        })?;
        // Traces remain if a file was truncated meanwhile.
        for spans in open.into_values() {
            spans.finish(&mut each);
        }
        Ok(())
    }
}

/// Spans of a trace.
#[derive(Debug, Default)]
struct Spans {
    /// Parent and role of each span, by its id. The end of a span replaces its start.
    all: HashMap<SpanId, (Option<SpanId>, Span)>,
    calls: Vec<(Option<SpanId>, Tokens, Cost)>,
}

#[derive(Debug)]
enum Span {
    /// Agent, with its name if it counts.
    Agent(Option<String>),
    /// Span below the agent with this id, or below none.
    Below(Option<SpanId>),
    Other,
}

impl Spans {
    fn add(&mut self, facts: &Facts<'_>, cost: Cost, name: impl Fn(&Facts<'_>) -> Option<String>) {
        let Some(id) = facts.span else { return };
        let span = if facts.kind == KIND { Span::Agent(name(facts)) } else { Span::Other };
        if facts.end.is_some() {
            self.all.insert(id, (facts.parent, span));
            if facts.is_model_call() {
                self.calls.push((facts.parent, facts.usage(), cost));
            }
        } else {
            self.all.entry(id).or_insert((facts.parent, span));
        }
    }

    fn finish(mut self, each: &mut impl FnMut(&str, Tokens, Cost)) {
        for (parent, tokens, cost) in std::mem::take(&mut self.calls) {
            if let Some(agent) = self.agent(parent)
                && let Some((_, Span::Agent(Some(name)))) = self.all.get(&agent)
            {
                each(name, tokens, cost);
            }
        }
    }

    /// Returns the nearest agent from a span upwards, and caches it for the spans between.
    fn agent(&mut self, from: Option<SpanId>) -> Option<SpanId> {
        let (mut at, mut path) = (from, Vec::new());
        let found = loop {
            let Some(id) = at else { break None };
            let Some((parent, span)) = self.all.get_mut(&id) else { break None };
            match span {
                Span::Agent(_) => break Some(id),
                Span::Below(agent) => break *agent,
                // In a cycle of parents, a span is below no agent.
                Span::Other => *span = Span::Below(None),
            }
            at = *parent;
            path.push(id);
        };
        for id in path {
            if let Some((_, span)) = self.all.get_mut(&id) {
                *span = Span::Below(found);
            }
        }
        found
    }
}
