//! Runs workflows, with real threads and tasks.
//!
//! No work here waits for time to pass: a flow that is to be cancelled says when it hangs. Panics
//! are raised without the panic hook, so that no test prints them.

mod captured;
mod moved;
mod parallel;
mod scopes;
mod together;

use std::{
    error::Error,
    fmt, future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use futures::{
    FutureExt as _,
    channel::oneshot,
    future::{BoxFuture, Either, select},
};
use raaf_trace_core::{
    Component, Context, InContext as _, Status, Traceable as _,
    context::{IntoParent as _, Parent},
    current_span, tracer,
};
pub use scopes::Scopes;
use tokio::{runtime::Handle, task::yield_now};

use super::{
    Call, On, ROOT, Step, Who, Workflow, attempts, below, component, fresh_name, handoff_name,
    is_bound_to_root, manual_name, needs_runtime, outward, shared,
};

impl Workflow {
    /// Runs the workflow, in a tokio runtime of either kind. Its spans go to the context in which
    /// it runs: see [`Capture::run_async`](crate::Capture::run_async).
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn run(&self) -> impl Future<Output = Ran> + Send + 'static {
        self.run_in(None)
    }

    /// Runs the workflow like [`run`](Self::run), with spans of another tracing library instead of
    /// scoped manual spans. [`expected_with`](Self::expected_with) predicts the tree.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn run_with(&self, scopes: impl Scopes) -> impl Future<Output = Ran> + Send + 'static {
        self.run_in(Some(Arc::new(scopes)))
    }

    fn run_in(
        &self,
        scopes: Option<Arc<dyn Scopes>>,
    ) -> impl Future<Output = Ran> + Send + 'static {
        let steps = self.steps.clone();
        async move {
            let root = component(ROOT.0, ROOT.1);
            let env = Env {
                shared: (0..Who::SHARED).map(|number| shared_component(number, &root)).collect(),
                runtime: Handle::current(),
                outside: Context::current(),
                is_outside: false,
                ancestors: vec![Ancestor { component: root.clone(), is_shared: false }],
                hang: None,
                scopes,
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
    /// The context around the workflow: empty, with its provider.
    outside: Context,
    /// True where the context need not contain the calls around.
    is_outside: bool,
    /// The components of the calls around.
    ancestors: Vec<Ancestor>,
    /// Channel that reports that the flow hangs; `None` if it must not.
    hang: Option<Arc<Mutex<Option<oneshot::Sender<()>>>>>,
    /// Spans of another tracing library, instead of scoped manual spans.
    scopes: Option<Arc<dyn Scopes>>,
    violations: Arc<Mutex<Vec<String>>>,
}

/// The component of a call around.
#[derive(Clone)]
struct Ancestor {
    component: Component,
    /// True if other flows run it, too.
    is_shared: bool,
}

impl Env {
    fn expect_same(&self, before: Option<raaf_trace_core::SpanId>, what: &str) {
        let after = here();
        if before != after {
            self.report(format!("after {what} the current span is {after:?}, not {before:?}"));
        }
    }

    fn report(&self, violation: String) {
        self.violations.lock().unwrap_or_else(PoisonError::into_inner).push(violation);
    }

    fn within(&self, component: &Component) -> Self {
        let mut env = self.clone();
        env.ancestors.push(Ancestor { component: component.clone(), is_shared: false });
        env
    }

    /// The state inside the call of this component.
    fn inside(&self, call: &Call, component: &Component) -> Self {
        if call.skip {
            return self.clone();
        }
        let is_shared = matches!(call.who, Who::Shared(_));
        let mut env = self.clone();
        if !(is_shared && env.is_outside) {
            env.ancestors.push(Ancestor { component: component.clone(), is_shared });
        }
        env
    }

    /// The state in the empty context. A parent is looked up among all active spans there, so it
    /// must not be a component that other flows start and end meanwhile.
    fn outside(&self) -> Self {
        let mut env = self.clone();
        env.is_outside = true;
        env.ancestors.retain(|ancestor| !ancestor.is_shared);
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
            Step::Manual { scoped: true, steps, .. } if self.scopes.is_some() => {
                self.scopes.iter().for_each(|scopes| {
                    scopes.run(&mut || kept(|| self.blocking_steps(steps, path)));
                });
                Ok(())
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
            Step::Outside { steps } => {
                self.outside.clone().run(|| self.outside().blocking_steps(steps, path))
            }
            Step::Fail => Err(Failed),
            Step::Panic => panic(),
            Step::Hang => Ok(()),
            Step::Call(_)
            | Step::Retry { .. }
            | Step::Handoff { .. }
            | Step::Parallel { .. }
            | Step::Cancel { .. }
            | Step::Move { .. }
            | Step::Together { .. }
            | Step::Outlive { .. } => self.runtime.block_on(self.step(step, path)),
        }
    }

    fn blocking_call(&self, call: &Call, path: &str) -> Outcome {
        self.blocking_call_with(call, path, || {})
    }

    /// Runs `first` inside the call, before its steps.
    fn blocking_call_with(&self, call: &Call, path: &str, first: impl FnOnce()) -> Outcome {
        let (component, parent) = self.who(call, path);
        let env = self.inside(call, &component).without_hanging();
        let work = || {
            let traced = component.traced(call.method).skip_if(call.skip).parent(parent);
            traced.try_in_span(|| {
                first();
                env.blocking_steps(&call.steps, path)
            })
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
            Step::Manual { scoped: true, steps, .. } if self.scopes.is_some() => {
                let work = kept_async(self.steps(steps, path.to_owned())).boxed();
                match &self.scopes {
                    Some(scopes) => scopes.wrap(work).await,
                    None => work.await,
                }
            }
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
            Step::Outside { steps } => {
                let env = self.outside();
                let work = env.steps(steps, path.to_owned());
                return work.in_context(self.outside.clone()).await;
            }
            Step::Move { made, task, call, after } => {
                self.moved(*made, *task, call, after, path).await;
            }
            Step::Together { members } => self.together(members, path).await,
            Step::Outlive { at, call, late } => self.outlive(*at, call, late, path).await,
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
        self.call_with(call, path, || {}).await
    }

    /// Runs `first` inside the call, before its steps.
    async fn call_with(&self, call: &Call, path: &str, first: impl FnOnce() + Send) -> Outcome {
        if call.blocking && !needs_runtime(&call.steps) {
            return self.blocking_call_with(call, path, first);
        }
        let (component, parent) = self.who(call, path);
        let env = self.inside(call, &component);
        let traced = component.traced(call.method).skip_if(call.skip).parent(parent);
        let work = traced.try_in_span(async {
            first();
            env.steps(&call.steps, path.to_owned()).await
        });
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
            Who::BoundTo(levels) => {
                (fresh().with_parent(&outward(&self.ancestors, levels).component), none())
            }
            Who::Under(levels) => {
                (fresh(), (&outward(&self.ancestors, levels).component).into_parent())
            }
        }
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
