//! Predicts the tree of a workflow.
//!
//! This says again, in the plainest way, what the tracing core is to do; it shares no code with
//! it. A flow is a thread or task: `Flow::chain` are the spans open around the code in it,
//! innermost last.

use raaf_trace_core::Status;

use super::{
    Call, On, ROOT, Step, Who, Workflow, attempts, below, branch_name, fork_name, fresh_name,
    handoff_name, is_bound_to_root, manual_name, needs_runtime, outward, shared,
};
use crate::expected::{Expected, Node, Siblings};

impl Workflow {
    /// Returns the tree that running the workflow must leave.
    pub fn expected(&self) -> Expected {
        let mut oracle = Oracle { spans: Vec::new(), groups: 0 };
        let root = oracle.open(None, named(ROOT.0, ROOT.1), ROOT.2, &[]);
        let flow = Flow {
            ancestors: vec![root],
            chain: vec![root],
            own: true,
            can_hang: false,
            blocking: false,
            groups: Vec::new(),
        };
        let end = oracle.steps(&self.steps, &flow, "");
        oracle.spans[root].status = end.status();
        Expected::new(Siblings::new().node(oracle.node(root)))
    }
}

/// Outcome of steps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Failed,
    Hung,
}

impl End {
    fn status(self) -> Status {
        match self {
            Self::Done => Status::Ok,
            Self::Failed => Status::Error,
            Self::Hung => Status::Cancelled,
        }
    }

    /// Outcome beyond a point that stops failures.
    fn kept(self) -> Self {
        if self == Self::Hung { Self::Hung } else { Self::Done }
    }
}

fn named<'a>(kind: &'a str, name: &'a str) -> (Identity, &'a str, &'a str) {
    (Identity::Named(name.to_owned()), kind, name)
}

struct Oracle {
    spans: Vec<Span>,
    groups: usize,
}

struct Span {
    component: Identity,
    kind: String,
    name: String,
    method: String,
    status: Status,
    children: Vec<(Option<usize>, usize)>,
    /// Number of enclosing parallel steps.
    within: usize,
}

/// Identity of a component; two components can have the same name.
#[derive(Clone, PartialEq, Eq)]
enum Identity {
    Shared(u8),
    /// Each of these names is used once.
    Named(String),
}

#[derive(Clone)]
struct Flow {
    /// The spans of the calls around, for components that are bound to one of them.
    ancestors: Vec<usize>,
    chain: Vec<usize>,
    /// True if the innermost span was opened in this flow.
    own: bool,
    can_hang: bool,
    /// True if this thread may block, because it does not drive a runtime.
    blocking: bool,
    /// The parallel steps around.
    groups: Vec<usize>,
}

impl Flow {
    fn innermost(&self) -> usize {
        self.chain[self.chain.len() - 1]
    }

    fn inside(&self, span: usize, own: bool) -> Self {
        let mut flow = self.clone();
        flow.chain.push(span);
        flow.own = own;
        flow
    }
}

impl Oracle {
    fn open(
        &mut self,
        parent: Option<usize>,
        (component, kind, name): (Identity, &str, &str),
        method: &str,
        groups: &[usize],
    ) -> usize {
        let index = self.spans.len();
        self.spans.push(Span {
            component,
            kind: kind.to_owned(),
            name: name.to_owned(),
            method: method.to_owned(),
            status: Status::Unset,
            children: Vec::new(),
            within: groups.len(),
        });
        if let Some(parent) = parent {
            // Its order among its siblings is open if a parallel step stands between.
            let group = groups.get(self.spans[parent].within).copied();
            self.spans[parent].children.push((group, index));
        }
        index
    }

    fn steps(&mut self, steps: &[Step], flow: &Flow, path: &str) -> End {
        for (number, step) in steps.iter().enumerate() {
            let end = self.step(step, flow, &below(path, number));
            if end != End::Done {
                return end;
            }
        }
        End::Done
    }

    fn step(&mut self, step: &Step, flow: &Flow, path: &str) -> End {
        match step {
            Step::Call(call) => self.call(call, flow, path),
            Step::Retry { failures, call } => {
                let mut end = End::Done;
                for attempt in attempts(*failures, call) {
                    end = self.call(&attempt, flow, path);
                    if end == End::Hung {
                        break;
                    }
                }
                end
            }
            Step::Handoff { to } => {
                let name = handoff_name(path);
                let parent = Some(flow.innermost());
                let span = self.open(parent, named("handoff", &name), "run", &flow.groups);
                self.spans[span].status = Status::Ok;
                self.call(to, flow, path)
            }
            Step::Parallel { on, branches } => {
                self.parallel(*on, branches, flow, path);
                End::Done
            }
            Step::Cancel { abort, steps } => {
                let mut inside = Flow { can_hang: true, blocking: false, ..flow.clone() };
                inside.own &= !abort;
                self.steps(steps, &inside, path);
                End::Done
            }
            Step::Manual { scoped, status, steps } => {
                let name = manual_name(path);
                let parent = Some(flow.innermost());
                let span = self.open(parent, named("custom", &name), "run", &flow.groups);
                let inside = if *scoped { flow.inside(span, false) } else { flow.clone() };
                let end = self.steps(steps, &inside, path);
                self.spans[span].status = if end == End::Hung { Status::Unset } else { *status };
                end.kept()
            }
            Step::Fail | Step::Panic => End::Failed,
            Step::Hang if flow.can_hang => End::Hung,
            Step::Hang => End::Done,
        }
    }

    fn call(&mut self, call: &Call, flow: &Flow, path: &str) -> End {
        let name = fresh_name(path);
        let who = match call.who {
            Who::Shared(number) => {
                let (kind, name) = shared(number);
                (Identity::Shared(number % Who::SHARED), kind, name)
            }
            Who::Fresh | Who::BoundTo(_) | Who::Under(_) => named("component", &name),
        };
        let mut inside = flow.clone();
        if call.blocking && (flow.blocking || !needs_runtime(&call.steps)) {
            inside.can_hang = false;
        } else {
            inside.blocking = false;
        }
        let innermost = flow.innermost();
        let reused = flow.own
            && self.spans[innermost].component == who.0
            && self.spans[innermost].method == call.method;
        let end = if reused || call.skip {
            if !call.skip {
                inside.ancestors.push(innermost);
            }
            self.steps(&call.steps, &inside, path)
        } else {
            let parent = match call.who {
                Who::BoundTo(levels) | Who::Under(levels) => {
                    self.innermost_like(*outward(&flow.ancestors, levels), flow)
                }
                // Where it is at work already, it goes on below.
                Who::Shared(number)
                    if is_bound_to_root(number)
                        && flow.chain.iter().all(|&open| self.spans[open].component != who.0) =>
                {
                    flow.chain[0]
                }
                Who::Shared(_) | Who::Fresh => innermost,
            };
            let span = self.open(Some(parent), who, call.method, &flow.groups);
            let mut inside = inside.inside(span, true);
            inside.ancestors.push(span);
            let end = self.steps(&call.steps, &inside, path);
            self.spans[span].status = end.status();
            end
        };
        if call.keeps_failures { end.kept() } else { end }
    }

    /// The innermost open span of the component that `span` is of.
    fn innermost_like(&self, span: usize, flow: &Flow) -> usize {
        let component = &self.spans[span].component;
        let innermost = flow.chain.iter().rev();
        innermost.copied().find(|&open| self.spans[open].component == *component).unwrap_or(span)
    }

    fn parallel(&mut self, on: On, branches: &[Vec<Step>], flow: &Flow, path: &str) {
        let mut flow = flow.clone();
        let mut fork = None;
        if on == On::BareThreads {
            let parent = Some(flow.innermost());
            let span = self.open(parent, named("component", &fork_name(path)), "run", &flow.groups);
            self.spans[span].status = Status::Ok;
            flow = flow.inside(span, true);
            flow.ancestors.push(span);
            fork = Some(span);
        }
        flow.groups.push(self.groups);
        self.groups += 1;
        flow.can_hang = false;
        flow.own &= on == On::Join;
        flow.blocking = matches!(on, On::Threads | On::BareThreads | On::Blocking);
        for (number, branch) in branches.iter().enumerate() {
            let path = below(path, number);
            let Some(fork) = fork else {
                self.steps(branch, &flow, &path);
                continue;
            };
            let name = branch_name(&path);
            let span = self.open(Some(fork), named("component", &name), "run", &flow.groups);
            let mut inside = flow.inside(span, true);
            inside.ancestors.push(span);
            let end = self.steps(branch, &inside, &path);
            self.spans[span].status = end.status();
        }
    }

    fn node(&self, index: usize) -> Node {
        let span = &self.spans[index];
        let mut children = Siblings::new();
        for run in span.children.chunk_by(|one, other| one.0.is_some() && one.0 == other.0) {
            let nodes = run.iter().map(|(_, child)| self.node(*child));
            if run.len() > 1 {
                children = children.in_any_order(nodes.fold(Siblings::new(), Siblings::node));
            } else {
                children = nodes.fold(children, Siblings::node);
            }
        }
        Node::new(span.kind.as_str(), span.name.as_str())
            .method(span.method.as_str())
            .status(span.status)
            .children(children)
    }
}
