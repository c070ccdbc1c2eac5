//! The spans of a workflow, and the rule that chooses the parent of each.

use raaf_trace_core::Status;

use super::{Flow, ROOT, Who};
use crate::{
    expected::{Expected, Node, Siblings},
    workflow::{is_bound_to_root, outward},
};

/// Identity of a component; two components can have the same name.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Identity {
    Shared(u8),
    /// Each of these names is used once at a time.
    Named(String),
}

/// A component's identity, kind and name.
pub(super) type Named<'a> = (Identity, &'a str, &'a str);

pub(super) fn named<'a>(kind: &'a str, name: &'a str) -> Named<'a> {
    (Identity::Named(name.to_owned()), kind, name)
}

/// A parallel step and a span that was opened in it, if any.
type Child = (Option<usize>, usize);

#[derive(Default)]
pub(super) struct Oracle {
    /// In the order of starts, except between parallel branches.
    spans: Vec<Span>,
    roots: Vec<Child>,
    groups: usize,
    /// Kind, component name and method of another library's spans.
    pub(super) scopes: Option<[&'static str; 3]>,
}

struct Span {
    component: Identity,
    kind: String,
    name: String,
    method: String,
    /// `None` until it has ended.
    status: Option<Status>,
    /// Attributes, and whether each is there.
    attributes: Vec<(String, bool)>,
    children: Vec<Child>,
    /// Number of enclosing parallel steps.
    within: usize,
    /// The root of its trace.
    trace: usize,
    /// The spans of its context, and itself; innermost last.
    chain: Vec<usize>,
}

impl Oracle {
    pub(super) fn with_scopes(scopes: [&'static str; 3]) -> Self {
        Self { scopes: Some(scopes), ..Self::default() }
    }

    pub(super) fn open(
        &mut self,
        parent: Option<usize>,
        flow: &Flow,
        (component, kind, name): Named<'_>,
        method: &str,
    ) -> usize {
        let index = self.spans.len();
        let trace = parent.map_or(index, |parent| self.spans[parent].trace);
        // The context's spans, unless the parent is in another trace.
        let around = flow.innermost.filter(|&around| self.spans[around].trace == trace).or(parent);
        let mut chain = around.map_or_else(Vec::new, |around| self.spans[around].chain.clone());
        chain.push(index);
        // Its order among its siblings is open if a parallel step stands between.
        let within = parent.map_or(0, |parent| self.spans[parent].within);
        let child = (flow.groups.get(within).copied(), index);
        match parent {
            Some(parent) => self.spans[parent].children.push(child),
            None => self.roots.push(child),
        }
        self.spans.push(Span {
            component,
            kind: kind.to_owned(),
            name: name.to_owned(),
            method: method.to_owned(),
            status: None,
            attributes: Vec::new(),
            children: Vec::new(),
            within: flow.groups.len(),
            trace,
            chain,
        });
        index
    }

    pub(super) fn end(&mut self, span: usize, status: Status) {
        self.spans[span].status = Some(status);
    }

    pub(super) fn new_group(&mut self) -> usize {
        self.groups += 1;
        self.groups
    }

    /// Sets an attribute, which is ignored after the end.
    pub(super) fn set(&mut self, span: usize, key: String) {
        let open = self.is_open(span);
        self.spans[span].attributes.push((key, open));
    }

    fn is_open(&self, span: usize) -> bool {
        self.spans[span].status.is_none()
    }

    pub(super) fn is_of(&self, span: usize, component: &Identity, method: &str) -> bool {
        self.spans[span].component == *component && self.spans[span].method == method
    }

    pub(super) fn parent_of_call(
        &self,
        who: Who,
        component: &Identity,
        flow: &Flow,
    ) -> Option<usize> {
        let parent = match who {
            Who::Under(levels) => self.active(outward(&flow.ancestors, levels), flow, |_| true),
            Who::BoundTo(levels) => {
                return self.parent_of_bound(component, outward(&flow.ancestors, levels), flow);
            }
            Who::Shared(number) if is_bound_to_root(number) => {
                return self.parent_of_bound(component, &named(ROOT.0, ROOT.1).0, flow);
            }
            Who::Shared(_) | Who::Fresh => None,
        };
        parent.or(flow.innermost)
    }

    /// The parent of a component's span that is bound to another.
    pub(super) fn parent_of_bound(
        &self,
        component: &Identity,
        to: &Identity,
        flow: &Flow,
    ) -> Option<usize> {
        // Where it is at work already, it goes on below.
        if self.in_context(component, flow).is_some() {
            return flow.innermost;
        }
        let trace = flow.innermost.map(|span| self.spans[span].trace);
        let same_trace = |span: usize| trace.is_none_or(|trace| trace == self.spans[span].trace);
        self.active(to, flow, same_trace).or(flow.innermost)
    }

    /// The innermost open span of a component in this context, otherwise its latest anywhere that
    /// is `eligible`, if all are of one trace.
    fn active(
        &self,
        component: &Identity,
        flow: &Flow,
        eligible: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        self.in_context(component, flow).or_else(|| {
            let open = |&span: &usize| self.is_open_of(span, component);
            let open: Vec<_> = (0..self.spans.len()).filter(open).collect();
            let latest = *open.last()?;
            let same = |&span: &usize| self.spans[span].trace == self.spans[latest].trace;
            (open.iter().all(same) && eligible(latest)).then_some(latest)
        })
    }

    fn in_context(&self, component: &Identity, flow: &Flow) -> Option<usize> {
        let chain = &self.spans[flow.innermost?].chain;
        chain.iter().rev().copied().find(|&span| self.is_open_of(span, component))
    }

    fn is_open_of(&self, span: usize, component: &Identity) -> bool {
        self.is_open(span) && self.spans[span].component == *component
    }

    pub(super) fn expected(&self) -> Expected {
        Expected::new(self.siblings(&self.roots))
    }

    fn siblings(&self, spans: &[Child]) -> Siblings {
        let mut siblings = Siblings::new();
        for run in spans.chunk_by(|one, other| one.0.is_some() && one.0 == other.0) {
            let nodes = run.iter().map(|(_, child)| self.node(*child));
            if run.len() > 1 {
                siblings = siblings.in_any_order(nodes.fold(Siblings::new(), Siblings::node));
            } else {
                siblings = nodes.fold(siblings, Siblings::node);
            }
        }
        siblings
    }

    fn node(&self, index: usize) -> Node {
        let span = &self.spans[index];
        let node = Node::new(span.kind.as_str(), span.name.as_str())
            .method(span.method.as_str())
            .status(span.status.unwrap_or_default())
            .children(self.siblings(&span.children));
        let set =
            |node: Node, (key, there): &(String, bool)| node.attribute(key, there.then_some(true));
        span.attributes.iter().fold(node, set)
    }
}
