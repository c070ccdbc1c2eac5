//! Runs workflows, with real threads and tasks.
//!
//! Nothing here waits for time to pass: a flow that is to be cancelled says when it hangs. Panics
//! are raised without the panic hook, so that no test prints them.

use std::{
    error::Error,
    fmt, future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use futures::{
    FutureExt as _,
    channel::oneshot,
    future::{BoxFuture, Either, join_all, select},
};
use raaf_trace_core::{
    Component, InContext as _, Status, Traceable as _,
    context::{IntoParent as _, Parent},
    current_span, in_current_context, tracer,
};
use tokio::{runtime::Handle, task::yield_now};

use super::{
    Call, On, ROOT, Step, Who, Workflow, attempts, below, branch_name, component, fork_name,
    fresh_name, handoff_name, is_bound_to_root, manual_name, needs_runtime, outward, shared,
};

impl Workflow {
    /// Runs the workflow, in a tokio runtime of either kind. Its spans go to the context in which
    /// it runs: see [`Capture::run_async`](crate::Capture::run_async).
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn run(&self) -> impl Future<Output = Ran> + Send + 'static {
        let steps = self.steps.clone();
        async move {
            let root = component(ROOT.0, ROOT.1);
            let env = Env {
                shared: (0..Who::SHARED).map(|number| shared_component(number, &root)).collect(),
                runtime: Handle::current(),
                ancestors: vec![root.clone()],
                hang: None,
                violations: Arc::default(),
            };
            let before = here();
            let work = root.try_in_span(ROOT.2, env.steps(&steps, String::new()));
            // How the root ends is for its span to say.
            let _ = AssertUnwindSafe(work).catch_unwind().await;
            env.expect_same(before, "the workflow");
            let violations = env.violations.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Ran { violations }
        }
    }
}

/// Observations made while a workflow ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    violations: Vec<String>,
}

impl Ran {
    /// Returns the places where the context after a step differed from the one before it; there
    /// should be none.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }
}

/// Error of a failing step.
#[derive(Debug)]
struct Failed;

impl Error for Failed {}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the step failed")
    }
}

type Outcome = Result<(), Failed>;

/// The innermost span's id, as a comparable value.
fn here() -> Option<raaf_trace_core::SpanId> {
    current_span().map(|span| span.span_id())
}

fn shared_component(number: u8, root: &Component) -> Component {
    let (kind, name) = shared(number);
    let component = component(kind, name);
    if is_bound_to_root(number) { component.with_parent(root) } else { component }
}

fn panic() -> ! {
    resume_unwind(Box::new("the step panicked"))
}

/// Runs `work` and stops its errors and panics.
fn kept(work: impl FnOnce() -> Outcome) {
    let _ = catch_unwind(AssertUnwindSafe(work));
}

async fn kept_async(work: impl Future<Output = Outcome>) {
    let _ = AssertUnwindSafe(work).catch_unwind().await;
}

/// State of one flow.
#[derive(Clone)]
struct Env {
    shared: Arc<[Component]>,
    runtime: Handle,
    /// The components of the calls around.
    ancestors: Vec<Component>,
    /// Channel that reports that the flow hangs; `None` if it must not.
    hang: Option<Arc<Mutex<Option<oneshot::Sender<()>>>>>,
    violations: Arc<Mutex<Vec<String>>>,
}

impl Env {
    fn expect_same(&self, before: Option<raaf_trace_core::SpanId>, what: &str) {
        let after = here();
        if before != after {
            let mut violations = self.violations.lock().unwrap_or_else(PoisonError::into_inner);
            violations.push(format!("after {what} the current span is {after:?}, not {before:?}"));
        }
    }

    fn within(&self, component: &Component) -> Self {
        let mut env = self.clone();
        env.ancestors.push(component.clone());
        env
    }

    fn without_hanging(&self) -> Self {
        Self { hang: None, ..self.clone() }
    }

    /// The steps of one flow, in a thread that may wait.
    fn blocking_steps(&self, steps: &[Step], path: &str) -> Outcome {
        for (number, step) in steps.iter().enumerate() {
            let (path, before) = (below(path, number), here());
            let result = catch_unwind(AssertUnwindSafe(|| self.blocking_step(step, &path)));
            self.expect_same(before, &path);
            result.unwrap_or_else(|panic| resume_unwind(panic))?;
        }
        Ok(())
    }

    fn blocking_step(&self, step: &Step, path: &str) -> Outcome {
        match step {
            Step::Call(call) if call.blocking => self.blocking_call(call, path),
            Step::Retry { failures, call } if call.blocking => {
                attempts(*failures, call).try_for_each(|attempt| self.blocking_call(&attempt, path))
            }
            Step::Handoff { to } if to.blocking => {
                hand_off(path);
                self.blocking_call(to, path)
            }
            Step::Manual { scoped, status, steps } => {
                let span = tracer().start_span(manual_name(path));
                if *scoped {
                    span.in_span(|| kept(|| self.blocking_steps(steps, path)));
                } else {
                    kept(|| self.blocking_steps(steps, path));
                }
                end_manual(&span, *status);
                Ok(())
            }
            Step::Fail => Err(Failed),
            Step::Panic => panic(),
            Step::Hang => Ok(()),
            Step::Call(_)
            | Step::Retry { .. }
            | Step::Handoff { .. }
            | Step::Parallel { .. }
            | Step::Cancel { .. } => self.runtime.block_on(self.step(step, path)),
        }
    }

    fn blocking_call(&self, call: &Call, path: &str) -> Outcome {
        let (component, parent) = self.who(call, path);
        let env = if call.skip { self.clone() } else { self.within(&component) }.without_hanging();
        let work = || {
            let traced = component.traced(call.method).skip_if(call.skip).parent(parent);
            traced.try_in_span(|| env.blocking_steps(&call.steps, path))
        };
        if call.keeps_failures {
            kept(work);
            return Ok(());
        }
        work()
    }

    fn steps<'a>(&'a self, steps: &'a [Step], path: String) -> BoxFuture<'a, Outcome> {
        async move {
            for (number, step) in steps.iter().enumerate() {
                let (path, before) = (below(&path, number), here());
                // Lets others have their turn, so that flows on one thread are mixed.
                yield_now().await;
                let result = AssertUnwindSafe(self.step(step, &path)).catch_unwind().await;
                self.expect_same(before, &path);
                result.unwrap_or_else(|panic| resume_unwind(panic))?;
            }
            Ok(())
        }
        .boxed()
    }

    async fn step(&self, step: &Step, path: &str) -> Outcome {
        match step {
            Step::Call(call) => return self.call(call, path).await,
            Step::Retry { failures, call } => {
                for attempt in attempts(*failures, call) {
                    self.call(&attempt, path).await?;
                }
            }
            Step::Handoff { to } => {
                hand_off(path);
                return self.call(to, path).await;
            }
            Step::Parallel { on: On::BareThreads, branches } => {
                self.bare_threads(branches, path).await;
            }
            Step::Parallel { on, branches } => self.parallel(*on, branches, path).await,
            Step::Cancel { abort, steps } => self.cancel(*abort, steps, path).await,
            Step::Manual { scoped, status, steps } => {
                let span = tracer().start_span(manual_name(path));
                let work = kept_async(self.steps(steps, path.to_owned()));
                if *scoped {
                    span.in_span(work).await;
                } else {
                    work.await;
                }
                end_manual(&span, *status);
            }
            Step::Fail => return Err(Failed),
            Step::Panic => panic(),
            Step::Hang => {
                if let Some(hang) = &self.hang {
                    let say = hang.lock().unwrap_or_else(PoisonError::into_inner).take();
                    let _ = say.map(|say| say.send(()));
                    future::pending::<()>().await;
                }
            }
        }
        Ok(())
    }

    async fn call(&self, call: &Call, path: &str) -> Outcome {
        if call.blocking && !needs_runtime(&call.steps) {
            return self.blocking_call(call, path);
        }
        let (component, parent) = self.who(call, path);
        let env = if call.skip { self.clone() } else { self.within(&component) };
        let traced = component.traced(call.method).skip_if(call.skip).parent(parent);
        let work = traced.try_in_span(env.steps(&call.steps, path.to_owned()));
        if call.keeps_failures {
            kept_async(work).await;
            return Ok(());
        }
        work.await
    }

    fn who(&self, call: &Call, path: &str) -> (Component, Parent) {
        let fresh = || component("component", &fresh_name(path));
        let none = || None::<&Component>.into_parent();
        match call.who {
            Who::Shared(number) => (self.shared[usize::from(number % Who::SHARED)].clone(), none()),
            Who::Fresh => (fresh(), none()),
            Who::BoundTo(levels) => (fresh().with_parent(outward(&self.ancestors, levels)), none()),
            Who::Under(levels) => (fresh(), outward(&self.ancestors, levels).into_parent()),
        }
    }

    async fn parallel(&self, on: On, branches: &[Vec<Step>], path: &str) {
        let env = self.without_hanging();
        if on == On::Join {
            let branch = |(number, branch)| kept_async(env.steps(branch, below(path, number)));
            join_all(branches.iter().map(Vec::as_slice).enumerate().map(branch)).await;
            return;
        }
        let mut waiting = Vec::new();
        for (number, branch) in branches.iter().enumerate() {
            let (env, branch, path) = (env.clone(), branch.clone(), below(path, number));
            let (done, wait) = oneshot::channel::<()>();
            waiting.push(wait);
            if on == On::Tasks {
                let work = async move {
                    kept_async(env.steps(&branch, path)).await;
                    drop(done);
                };
                drop(self.runtime.spawn(work.in_current_context()));
                continue;
            }
            let checks = env.clone();
            let place = path.clone();
            let work = in_current_context(move || kept(|| env.blocking_steps(&branch, &path)));
            let work = move || {
                // Threads of a pool come with whatever their last work left behind.
                checks.expect_same(None, "what ran in this thread before");
                work();
                checks.expect_same(None, &place);
                drop(done);
            };
            if on == On::Blocking {
                drop(self.runtime.spawn_blocking(work));
            } else {
                thread::spawn(work);
            }
        }
        // A branch is done when its sender is dropped.
        join_all(waiting).await;
    }

    async fn bare_threads(&self, branches: &[Vec<Step>], path: &str) {
        let fork = component("component", &fork_name(path));
        let env = self.within(&fork).without_hanging();
        let work = async {
            let mut waiting = Vec::new();
            for (number, branch) in branches.iter().enumerate() {
                let (branch, path) = (branch.clone(), below(path, number));
                let bound = component("component", &branch_name(&path)).with_parent(&fork);
                let env = env.within(&bound);
                let (done, wait) = oneshot::channel::<()>();
                waiting.push(wait);
                thread::spawn(move || {
                    kept(|| bound.try_in_span("run", || env.blocking_steps(&branch, &path)));
                    env.expect_same(None, &path);
                    drop(done);
                });
            }
            join_all(waiting).await;
        };
        fork.in_span("run", work).await;
    }

    async fn cancel(&self, abort: bool, steps: &[Step], path: &str) {
        let (say, hangs) = oneshot::channel();
        let mut env = self.clone();
        env.hang = Some(Arc::new(Mutex::new(Some(say))));
        if !abort {
            let work = kept_async(env.steps(steps, path.to_owned()));
            // Whichever comes first; the other is dropped.
            let _ = select(Box::pin(work), hangs).await;
            return;
        }
        let (steps, path) = (steps.to_vec(), path.to_owned());
        let work = async move { kept_async(env.steps(&steps, path)).await };
        let task = self.runtime.spawn(work.in_current_context());
        if let Either::Right((Ok(()), task)) = select(task, hangs).await {
            task.abort();
            let _ = task.await;
        }
    }
}

/// The span that says that another agent takes over.
fn hand_off(path: &str) {
    tracer().handoff_span(None::<&str>, handoff_name(path)).in_span(|| ());
}

fn end_manual(span: &raaf_trace_core::call::ManualSpan, status: Status) {
    if status != Status::Unset {
        span.set_status(status);
    }
    span.finish();
}
