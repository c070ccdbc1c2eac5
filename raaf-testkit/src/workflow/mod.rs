//! Random workflows.
//!
//! | module | contents |
//! | --- | --- |
//! | `strategy` | strategies that generate and shrink them |
//! | `show` | how they are displayed |
//! | `run` | runs them, with real threads and tasks |
//! | `oracle` | predicts the tree of each |

mod oracle;
mod run;
mod show;
mod strategy;
#[cfg(test)]
mod tests;

use std::iter;

use raaf_trace_core::{Component, Status};

pub use run::{Ran, Scopes};
pub use strategy::{WorkflowLimits, workflows, workflows_within};

/// A workflow: steps inside one traced call, which is the root of its trace.
///
/// [`workflows`] generates random ones, [`run`](Self::run) runs one, and
/// [`expected`](Self::expected) predicts its tree. Its `Debug` form is an indented list of steps.
///
/// # Examples
///
/// ```
/// use raaf_testkit::{Capture, workflow::{Call, Step, Who, Workflow}};
///
/// let search = Call::new(Who::Fresh, "run", vec![Step::Fail]);
/// let workflow = Workflow { steps: vec![Step::Call(search)] };
///
/// let capture = Capture::new();
/// let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// let ran = runtime.block_on(capture.run_async(workflow.run()));
/// assert!(ran.violations().is_empty());
/// workflow.expected().check(&capture.spans())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Workflow {
    /// Steps of the root call.
    pub steps: Vec<Step>,
}

/// One step of a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// A traced call.
    Call(Call),
    /// A call with failed attempts before the final one. All attempts are siblings.
    Retry {
        /// Number of failed attempts.
        failures: u8,
        /// The call; each attempt is a call of its own.
        call: Call,
    },
    /// A hand-off to another agent: a span of kind `handoff`, then the call. With [`Who::Under`],
    /// the call is a sibling of the call that handed off, rather than its child.
    Handoff {
        /// The call that takes over.
        to: Call,
    },
    /// Parallel branches, all of which are awaited. Failures and panics of a branch stop there.
    Parallel {
        /// Place in which the branches run.
        on: On,
        /// Steps of each branch.
        branches: Vec<Vec<Step>>,
    },
    /// Steps that are dropped midway, when they come to a [`Hang`](Self::Hang).
    Cancel {
        /// Runs the steps in a task and aborts it, instead of dropping a future.
        abort: bool,
        /// Steps that are dropped.
        steps: Vec<Step>,
    },
    /// A manual span. Failures and panics inside it stop there.
    Manual {
        /// Makes the span current for its steps. Such spans can be those of another tracing library;
        /// see [`Workflow::run_with`].
        scoped: bool,
        /// Status set at the end.
        status: Status,
        /// Steps while the span is open.
        steps: Vec<Step>,
    },
    /// Steps in an empty context. The calls around are still running, but are not in their context.
    Outside {
        /// Steps in the empty context.
        steps: Vec<Step>,
    },
    /// A call whose future is polled here for its own steps, and finished elsewhere, without a
    /// context. Failures and panics inside it stop there.
    Move {
        /// Place in which the future is made.
        made: Made,
        /// Finishes it in a task, instead of a thread.
        task: bool,
        /// The call, in its asynchronous form; its steps run before the move.
        call: Call,
        /// Steps of the call after the move. One that hangs gets the future dropped there.
        after: Vec<Step>,
    },
    /// One component in several threads at once. All have started before the first one does its
    /// steps, and they take turns, so that each finds the same spans active in every run.
    Together {
        /// Members, one in each thread, in the order of starts.
        members: Vec<Member>,
    },
    /// A context and a handle that are captured inside a call and used after its end. Failures and
    /// panics stop there.
    Outlive {
        /// Place in which the captured context is used.
        at: At,
        /// The call in which it is captured.
        call: Call,
        /// Steps in the captured context.
        late: Vec<Step>,
    },
    /// Makes the enclosing steps return an error, up to the nearest call that keeps failures.
    Fail,
    /// Panics; otherwise like [`Fail`](Self::Fail).
    Panic,
    /// Never completes, in a flow that is to be cancelled; does nothing elsewhere.
    Hang,
}

/// Place in which parallel branches run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum On {
    /// Threads with the context handed over.
    Threads,
    /// Threads without a context, each running a component that is bound to an enclosing one.
    BareThreads,
    /// Spawned tasks with the context handed over.
    Tasks,
    /// The runtime's threads for blocking work, with the context handed over.
    Blocking,
    /// Futures polled in turn by one task.
    Join,
}

/// Place in which the future of a [`Move`](Step::Move) is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Made {
    /// Where it is first polled.
    Here,
    /// Inside another span that ends before the first poll.
    Elsewhere,
    /// Inside another span that ends before the first poll, with the context of that span.
    InContextElsewhere,
}

/// Place in which a captured context is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum At {
    /// In the flow that captured it.
    Here,
    /// In a thread.
    Thread,
    /// In a spawned task.
    Task,
}

/// One thread of a [`Together`](Step::Together) step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent choices")]
pub struct Member {
    /// Runs a component of its own that is bound to the common one, instead of the common one.
    pub bound: bool,
    /// Hands the context over to the thread.
    pub in_context: bool,
    /// Runs it inside a call of the shared component that is bound to the root, so that the steps of
    /// a member bound to it can call back further out.
    pub within: bool,
    /// Keeps the span open until all members have done their steps.
    pub stays: bool,
    /// Steps inside the span.
    pub steps: Vec<Step>,
}

/// A traced call of a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Component of the call.
    pub who: Who,
    /// Method of the call.
    pub method: &'static str,
    /// Asks for the call to be skipped.
    pub skip: bool,
    /// Uses the closure form, if the steps need no runtime.
    pub blocking: bool,
    /// Stops an error or a panic at this call.
    pub keeps_failures: bool,
    /// Steps inside the call.
    pub steps: Vec<Step>,
}

impl Call {
    /// Creates an asynchronous call that keeps its failures to itself.
    pub fn new(who: Who, method: &'static str, steps: Vec<Step>) -> Self {
        Self { who, method, skip: false, blocking: false, keeps_failures: true, steps }
    }
}

/// Component of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Who {
    /// One of the [`SHARED`](Self::SHARED) components that all calls of the workflow share, so that
    /// calls of the same component meet. The first two differ only in identity; the last is bound
    /// to the root.
    Shared(u8),
    /// A component of its own.
    Fresh,
    /// A component of its own, bound to the component of the call that is this many levels out.
    BoundTo(u8),
    /// A component of its own; the component of the call that is this many levels out is given as
    /// the parent.
    Under(u8),
}

impl Who {
    /// Number of shared components; [`Shared`](Self::Shared) numbers them from zero.
    pub const SHARED: u8 = 3;
}

/// A shared component's kind and name.
fn shared(number: u8) -> (&'static str, &'static str) {
    match number % Who::SHARED {
        0 | 1 => ("agent", "Ann"),
        _ => ("tool", "Tom"),
    }
}

/// Returns true if a shared component is bound to the root.
fn is_bound_to_root(number: u8) -> bool {
    number % Who::SHARED == 2
}

/// The shared component and the method of a call around a member.
const AROUND: (u8, &str) = (2, "around");

/// The root's kind, name and method.
const ROOT: (&str, &str, &str) = ("pipeline", "Workflow", "run");

/// Returns the name of the component at a position.
fn fresh_name(path: &str) -> String {
    format!("call {path}")
}

fn handoff_name(path: &str) -> String {
    format!("handoff {path}")
}

fn manual_name(path: &str) -> String {
    format!("manual {path}")
}

/// The component that the branches of bare threads are bound to.
fn fork_name(path: &str) -> String {
    format!("fork {path}")
}

/// The component in whose span a future is made.
fn maker_name(path: &str) -> String {
    format!("maker {path}")
}

/// The component that several threads share.
fn common_name(path: &str) -> String {
    format!("common {path}")
}

/// The component of a call whose parent is given as a handle.
fn heir_name(path: &str) -> String {
    format!("heir {path}")
}

fn after_path(path: &str) -> String {
    format!("{path}.after")
}

fn late_path(path: &str) -> String {
    format!("{path}.late")
}

/// The attributes that are set through a handle while its span is open, and after the call.
fn early_key(path: &str) -> String {
    format!("early {path}")
}

fn late_key(path: &str) -> String {
    format!("late {path}")
}

fn branch_name(path: &str) -> String {
    format!("branch {path}")
}

/// The place of a step within the place of those around it.
fn below(path: &str, number: usize) -> String {
    if path.is_empty() { number.to_string() } else { format!("{path}.{number}") }
}

fn component(kind: &str, name: &str) -> Component {
    Component::new(name).with_kind(kind)
}

/// Returns the ancestor that is this many levels out.
fn outward<T>(ancestors: &[T], levels: u8) -> &T {
    &ancestors[ancestors.len() - 1 - usize::from(levels) % ancestors.len()]
}

/// The calls that a retried call is: those that fail, and the last.
fn attempts(failures: u8, call: &Call) -> impl Iterator<Item = Call> {
    let mut failing = call.clone();
    failing.steps.push(Step::Fail);
    failing.keeps_failures = true;
    iter::repeat_n(failing, failures.into()).chain([call.clone()])
}

/// Returns true if the steps need a runtime.
fn needs_runtime(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Parallel { .. }
        | Step::Cancel { .. }
        | Step::Move { .. }
        | Step::Together { .. }
        | Step::Outlive { .. } => true,
        Step::Call(call) | Step::Retry { call, .. } | Step::Handoff { to: call } => {
            !call.blocking || needs_runtime(&call.steps)
        }
        Step::Manual { steps, .. } | Step::Outside { steps } => needs_runtime(steps),
        Step::Fail | Step::Panic | Step::Hang => false,
    })
}

/// Returns true if a span among the steps can end after its parent.
fn outlives(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Together { .. } | Step::Outlive { .. } => true,
        Step::Move { made, call, after, .. } => {
            *made == Made::InContextElsewhere || outlives(&call.steps) || outlives(after)
        }
        Step::Call(call) | Step::Retry { call, .. } | Step::Handoff { to: call } => {
            outlives(&call.steps)
        }
        Step::Parallel { branches, .. } => branches.iter().any(|steps| outlives(steps)),
        Step::Cancel { steps, .. } | Step::Manual { steps, .. } | Step::Outside { steps } => {
            outlives(steps)
        }
        Step::Fail | Step::Panic | Step::Hang => false,
    })
}
