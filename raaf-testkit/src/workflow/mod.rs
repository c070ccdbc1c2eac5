//! Random workflows: what they are made of.
//!
//! | file | holds |
//! | --- | --- |
//! | `strategy` | how they are made, and shrink |
//! | `show` | how they are printed |
//! | `code` | the Rust code that makes one again |
//! | `run` | how they are carried out, with real threads and tasks |
//! | `oracle` | which tree each must leave |

mod code;
mod oracle;
mod run;
mod show;
mod strategy;
#[cfg(test)]
mod tests;

use std::iter;

use raaf_trace_core::{Component, Status};

pub use run::Ran;
pub use strategy::{WorkflowLimits, workflows, workflows_within};

/// A workflow to carry out: steps inside of one traced call, which is the root of its trace.
///
/// [`workflows`] makes random ones, [`run`](Self::run) carries one out, and
/// [`expected`](Self::expected) says which tree must come of it. Shown, it reads like code.
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
    /// What happens in the root call.
    pub steps: Vec<Step>,
}

/// One step of a workflow.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// A traced call.
    Call(Call),
    /// A call that fails so many times before it does what it does: its spans are siblings.
    Retry {
        /// How often it fails first.
        failures: u8,
        /// The call; each attempt is a call of its own.
        call: Call,
    },
    /// The work passes to another agent: a span of kind `handoff`, then the call. Called with
    /// [`Who::Under`], it hangs beside the call that handed over, rather than inside.
    Handoff {
        /// Who takes over.
        to: Call,
    },
    /// Several branches at once, waited for. What fails or panics in one ends there.
    Parallel {
        /// On what they run.
        on: On,
        /// What they do.
        branches: Vec<Vec<Step>>,
    },
    /// Steps that are dropped midway, when they come to a [`Hang`](Self::Hang).
    Cancel {
        /// Whether the steps are a task that is aborted, rather than a future that is dropped.
        abort: bool,
        /// What is dropped.
        steps: Vec<Step>,
    },
    /// A manual span. What fails or panics in it ends there.
    Manual {
        /// Whether it is current for its steps.
        scoped: bool,
        /// What is said of it at the end.
        status: Status,
        /// What happens while it is open.
        steps: Vec<Step>,
    },
    /// The steps around this one return an error, up to the nearest call that keeps failures.
    Fail,
    /// As [`Fail`](Self::Fail), with a panic.
    Panic,
    /// Never goes on, in a flow that is to be cancelled; elsewhere nothing.
    Hang,
}

/// On what parallel branches run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum On {
    /// Threads that are handed the context.
    Threads,
    /// Threads without a context, each running a component that is bound to one around them.
    BareThreads,
    /// Spawned tasks that are handed the context.
    Tasks,
    /// The runtime's threads for blocking work, handed the context.
    Blocking,
    /// Futures polled in turn by one task.
    Join,
}

/// A traced call of a workflow.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// Which component is called.
    pub who: Who,
    /// Its method.
    pub method: &'static str,
    /// Whether it asks to be skipped.
    pub skip: bool,
    /// Whether the closure form is used, where the steps can do without a runtime.
    pub blocking: bool,
    /// Whether an error or a panic ends with the call, rather than going on.
    pub keeps_failures: bool,
    /// What happens inside.
    pub steps: Vec<Step>,
}

impl Call {
    /// An asynchronous call that keeps its failures to itself.
    pub fn new(who: Who, method: &'static str, steps: Vec<Step>) -> Self {
        Self { who, method, skip: false, blocking: false, keeps_failures: true, steps }
    }
}

/// Which component is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Who {
    /// One of the [`SHARED`](Self::SHARED) components that all calls of the workflow share, so
    /// that calls of the same component meet. The first two are alike in all but identity; the last is
    /// bound to the root.
    Shared(u8),
    /// A component of its own.
    Fresh,
    /// A component of its own, bound to the one so many calls further out.
    BoundTo(u8),
    /// A component of its own, called with the one so many calls further out as its parent.
    Under(u8),
}

impl Who {
    /// How many shared components there are; [`Shared`](Self::Shared) counts on from zero.
    pub const SHARED: u8 = 3;
}

/// A shared component's kind and name.
fn shared(number: u8) -> (&'static str, &'static str) {
    match number % Who::SHARED {
        0 | 1 => ("agent", "Ann"),
        _ => ("tool", "Tom"),
    }
}

/// Whether a shared component is bound to the root.
fn is_bound_to_root(number: u8) -> bool {
    number % Who::SHARED == 2
}

/// The root's kind, name and method.
const ROOT: (&str, &str, &str) = ("pipeline", "Workflow", "run");

/// What the components that belong to one place are called, by that place.
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

/// Of a list of ancestors, the one so many calls further out.
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

/// Whether the steps need a runtime to drive them.
fn needs_runtime(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Parallel { .. } | Step::Cancel { .. } => true,
        Step::Call(call) | Step::Retry { call, .. } | Step::Handoff { to: call } => {
            !call.blocking || needs_runtime(&call.steps)
        }
        Step::Manual { steps, .. } => needs_runtime(steps),
        Step::Fail | Step::Panic | Step::Hang => false,
    })
}
