//! Predicts the tree of a workflow.
//!
//! This says again, in the plainest way, what the tracing core is to do; it shares no code with
//! it. A flow is a thread or task: `Flow::innermost` is the innermost span around the code in it.
//!
//! | module | contents |
//! | --- | --- |
//! | `spans` | the spans so far, and the rule for parents |
//! | `crossing` | steps that leave the flow or the span in which they began |

mod crossing;
mod spans;

use raaf_trace_core::Status;

use super::{
    Call, On, ROOT, Scopes, Step, Who, Workflow, attempts, below, branch_name, fork_name,
    fresh_name, handoff_name, manual_name, needs_runtime, outlives, shared,
};
use crate::{
    coherent::Coherence,
    expected::{Expected, Pattern},
};
use spans::{Identity, Named, Oracle, named};

impl Workflow {
    /// Returns the trees that running the workflow must leave.
    pub fn expected(&self) -> Expected {
        self.expected_of(Oracle::default())
    }

    /// Returns the trees that running the workflow [with spans of another
    /// library](Self::run_with) must leave.
    pub fn expected_with(&self, scopes: &impl Scopes) -> Expected {
        self.expected_of(Oracle::with_scopes(scopes.recorded_as()))
    }

    fn expected_of(&self, mut oracle: Oracle) -> Expected {
        let mut flow = Flow {
            ancestors: Vec::new(),
            is_outside: false,
            innermost: None,
            own: false,
            scope: None,
            can_hang: false,
            blocking: false,
            groups: Vec::new(),
        };
        let root = oracle.open(None, &flow, named(ROOT.0, ROOT.1), ROOT.2);
        flow = flow.within(root, named(ROOT.0, ROOT.1).0);
        let end = oracle.steps(&self.steps, &flow, "");
        oracle.end(root, end.status());
        oracle.expected()
    }

    /// Returns what holds for each trace of the workflow: only with captured contexts and
    /// components shared by threads may a span end after its parent.
    pub fn coherence(&self) -> Coherence {
        let strict = Coherence::new();
        if outlives(&self.steps) { strict.may_outlive(Pattern::like("*")) } else { strict }
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

#[derive(Clone)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts about running code")]
struct Flow {
    /// The components of the calls around, for components that are bound to one of them.
    ancestors: Vec<Identity>,
    /// True where the context need not contain the calls around.
    is_outside: bool,
    innermost: Option<usize>,
    /// True if the innermost span was opened in this flow.
    own: bool,
    /// The innermost span of another library in this thread or task.
    scope: Option<usize>,
    can_hang: bool,
    /// True if this thread may block, because it does not drive a runtime.
    blocking: bool,
    /// The parallel steps around.
    groups: Vec<usize>,
}

impl Flow {
    /// The flow inside a span that it opened.
    fn inside(&self, span: usize) -> Self {
        Self { innermost: Some(span), own: true, ..self.clone() }
    }

    /// The flow inside a call that opened this span.
    fn within(&self, span: usize, component: Identity) -> Self {
        let mut flow = self.inside(span);
        flow.ancestors.push(component);
        flow
    }

    /// The flow in the empty context.
    fn outside(&self) -> Self {
        let mut flow = self.clone();
        flow.ancestors.retain(|component| !matches!(component, Identity::Shared(_)));
        Self { is_outside: true, innermost: None, own: false, ..flow }
    }
}

impl Oracle {
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
                let span = self.open(flow.innermost, flow, named("handoff", &name), "run");
                self.end(span, Status::Ok);
                self.call(to, flow, path)
            }
            Step::Parallel { on, branches } => {
                self.parallel(*on, branches, flow, path);
                End::Done
            }
            Step::Cancel { abort, steps } => {
                let mut inside = Flow { can_hang: true, blocking: false, ..flow.clone() };
                inside.own &= !abort;
                inside.scope = inside.scope.filter(|_| !abort);
                self.steps(steps, &inside, path);
                End::Done
            }
            Step::Manual { scoped: true, steps, .. } if self.scopes.is_some() => {
                let [kind, name, method] = self.scopes.unwrap_or_default();
                let parent = flow.innermost.or(flow.scope);
                let span = self.open(parent, flow, named(kind, name), method);
                let inside = Flow { scope: Some(span), ..flow.inside(span) };
                let end = self.steps(steps, &inside, path);
                self.end(span, Status::Unset);
                end.kept()
            }
            Step::Manual { scoped, status, steps } => {
                let name = manual_name(path);
                let span = self.open(flow.innermost, flow, named("custom", &name), "run");
                let inside = if *scoped { flow.inside(span) } else { flow.clone() };
                let end = self.steps(steps, &inside, path);
                self.end(span, if end == End::Hung { Status::Unset } else { *status });
                end.kept()
            }
            Step::Outside { steps } => self.steps(steps, &flow.outside(), path),
            Step::Move { made, call, after, .. } => self.moved(*made, call, after, flow, path),
            Step::Together { members } => {
                self.together(members, flow, path);
                End::Done
            }
            Step::Outlive { at, call, late } => self.outlive(*at, call, late, flow, path),
            Step::Fail | Step::Panic => End::Failed,
            Step::Hang if flow.can_hang => End::Hung,
            Step::Hang => End::Done,
        }
    }

    fn call(&mut self, call: &Call, flow: &Flow, path: &str) -> End {
        let (inside, span) = self.enter(call, flow, path);
        let end = self.steps(&call.steps, &inside, path);
        self.leave(span, end);
        if call.keeps_failures { end.kept() } else { end }
    }

    /// Begins a call. Returns the flow inside it and the span that it opened, if any.
    fn enter(&mut self, call: &Call, flow: &Flow, path: &str) -> (Flow, Option<usize>) {
        let mut inside = flow.clone();
        if call.blocking && (flow.blocking || !needs_runtime(&call.steps)) {
            inside.can_hang = false;
        } else {
            inside.blocking = false;
        }
        if call.skip {
            return (inside, None);
        }
        let name = fresh_name(path);
        let who: Named<'_> = match call.who {
            Who::Shared(number) => {
                let (kind, name) = shared(number);
                (Identity::Shared(number % Who::SHARED), kind, name)
            }
            Who::Fresh | Who::BoundTo(_) | Who::Under(_) => named("component", &name),
        };
        if !(flow.is_outside && matches!(who.0, Identity::Shared(_))) {
            inside.ancestors.push(who.0.clone());
        }
        if self.is_reused(call, flow) {
            return (inside, None);
        }
        let parent = self.parent_of_call(call.who, &who.0, flow);
        let span = self.open(parent, flow, who, call.method);
        (inside.inside(span), Some(span))
    }

    /// Returns true if a call shares the span around it.
    fn is_reused(&self, call: &Call, flow: &Flow) -> bool {
        let Who::Shared(number) = call.who else { return false };
        let who = Identity::Shared(number % Who::SHARED);
        flow.own && flow.innermost.is_some_and(|span| self.is_of(span, &who, call.method))
    }

    /// Ends the span that a call opened.
    fn leave(&mut self, span: Option<usize>, end: End) {
        if let Some(span) = span {
            self.end(span, end.status());
        }
    }

    fn parallel(&mut self, on: On, branches: &[Vec<Step>], flow: &Flow, path: &str) {
        let mut flow = flow.clone();
        let mut fork = None;
        if on == On::BareThreads {
            let name = fork_name(path);
            let who = named("component", &name);
            let span = self.open(flow.innermost, &flow, who.clone(), "run");
            flow = flow.within(span, who.0);
            fork = Some(span);
        }
        flow.groups.push(self.new_group());
        flow.can_hang = false;
        flow.own &= on == On::Join;
        flow.scope = flow.scope.filter(|_| on == On::Join);
        flow.blocking = matches!(on, On::Threads | On::BareThreads | On::Blocking);
        for (number, branch) in branches.iter().enumerate() {
            let path = below(path, number);
            if fork.is_none() {
                self.steps(branch, &flow, &path);
                continue;
            }
            let name = branch_name(&path);
            let who = named("component", &name);
            let span = self.open(fork, &flow, who.clone(), "run");
            let end = self.steps(branch, &flow.within(span, who.0), &path);
            self.end(span, end.status());
        }
        if let Some(fork) = fork {
            self.end(fork, Status::Ok);
        }
    }
}
