//! Strategies for random workflows.

use proptest::{collection::vec, prelude::*};
use raaf_trace_core::Status;

use super::{At, Call, Made, Member, On, Step, Who, Workflow};

/// Limits on the size of random workflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkflowLimits {
    /// Largest depth of steps.
    pub depth: u32,
    /// Approximate largest number of steps.
    pub steps: u32,
    /// Largest number of steps, or branches, beside each other.
    pub breadth: u32,
}

impl Default for WorkflowLimits {
    fn default() -> Self {
        Self { depth: 5, steps: 24, breadth: 4 }
    }
}

/// Generates workflows of a size at which thousands of them run in a test.
///
/// # Examples
///
/// ```
/// use proptest::prelude::*;
/// use raaf_testkit::{Capture, workflow::workflows};
///
/// proptest!(ProptestConfig::with_cases(20), |(workflow in workflows())| {
///     let capture = Capture::new();
///     let runtime = tokio::runtime::Builder::new_current_thread().build()?;
///     runtime.block_on(capture.run_async(workflow.run()));
///     let compared = workflow.expected().check(&capture.spans());
///     prop_assert!(compared.is_ok(), "{}", compared.unwrap_err());
/// });
/// ```
pub fn workflows() -> impl Strategy<Value = Workflow> {
    workflows_within(WorkflowLimits::default())
}

/// Generates workflows within the given limits.
pub fn workflows_within(limits: WorkflowLimits) -> impl Strategy<Value = Workflow> {
    let WorkflowLimits { depth, steps, breadth } = limits;
    let breadth = breadth.max(1);
    let leaf = call(Just(Vec::new()).boxed()).prop_map(Step::Call);
    let step = leaf.prop_recursive(depth, steps, breadth, move |step| {
        let body = body(step.boxed(), breadth).boxed();
        prop_oneof![
            6 => call(body.clone()).prop_map(Step::Call),
            1 => (0..3_u8, call(body.clone()))
                .prop_map(|(failures, call)| Step::Retry { failures, call }),
            1 => call(body.clone()).prop_map(|to| Step::Handoff { to }),
            3 => (on(), vec(body.clone(), 1..=breadth.min(3) as usize))
                .prop_map(|(on, branches)| Step::Parallel { on, branches }),
            2 => (any::<bool>(), body.clone(), any::<bool>()).prop_map(
                |(abort, mut steps, hangs)| {
                    if hangs {
                        steps.push(Step::Hang);
                    }
                    Step::Cancel { abort, steps }
                }
            ),
            1 => body.clone().prop_map(|steps| Step::Outside { steps }),
            2 => (made(), any::<bool>(), call(body.clone()), body.clone())
                .prop_map(|(made, task, call, after)| Step::Move { made, task, call, after }),
            1 => (call(body.clone()), made(), any::<bool>(), body.clone())
                .prop_map(|(call, made, task, after)| reused_and_moved(call, made, task, after)),
            2 => vec(member(body.clone()), 1..=breadth.min(3) as usize)
                .prop_map(|members| Step::Together { members }),
            2 => (at(), call(body.clone()), body.clone())
                .prop_map(|(at, call, late)| Step::Outlive { at, call, late }),
            1 => (any::<bool>(), status(), body)
                .prop_map(|(scoped, status, steps)| Step::Manual { scoped, status, steps }),
        ]
    });
    body(step.boxed(), breadth).prop_map(|steps| Workflow { steps })
}

/// Generates steps. Those that end a flow early are mostly last, so that the rest is reached.
fn body(step: BoxedStrategy<Step>, breadth: u32) -> impl Strategy<Value = Vec<Step>> {
    let end = prop_oneof![
        8 => Just(None),
        1 => Just(Some(Step::Fail)),
        1 => Just(Some(Step::Panic)),
        1 => Just(Some(Step::Hang)),
    ];
    (vec(step, 0..=breadth as usize), end).prop_map(|(mut steps, end)| {
        steps.extend(end);
        steps
    })
}

fn call(steps: BoxedStrategy<Vec<Step>>) -> impl Strategy<Value = Call> {
    let seldom = || prop::bool::weighted(0.15);
    (who(), method(), seldom(), any::<bool>(), any::<bool>(), steps).prop_map(
        |(who, method, skip, blocking, keeps_failures, steps)| Call {
            who,
            method,
            skip,
            blocking,
            keeps_failures,
            steps,
        },
    )
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        2 => Just(Who::Fresh),
        4 => (0..Who::SHARED).prop_map(Who::Shared),
        1 => (0..4_u8).prop_map(Who::BoundTo),
        1 => (0..4_u8).prop_map(Who::Under),
    ]
}

/// Few, so that a component often meets its own method again.
fn method() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("run"), Just("validate")]
}

fn on() -> impl Strategy<Value = On> {
    prop_oneof![
        Just(On::Join),
        Just(On::Tasks),
        Just(On::Blocking),
        Just(On::Threads),
        Just(On::BareThreads),
    ]
}

/// A call in which the same call is made again, and moves: it shares the span, if that is open in
/// the flow.
fn reused_and_moved(call: Call, made: Made, task: bool, after: Vec<Step>) -> Step {
    let Call { who, method, .. } = call;
    let who = if let Who::Shared(_) = who { who } else { Who::Shared(0) };
    let moved = Step::Move { made, task, call: Call { who, ..call }, after };
    Step::Call(Call::new(who, method, vec![moved]))
}

fn made() -> impl Strategy<Value = Made> {
    prop_oneof![Just(Made::Here), Just(Made::Elsewhere), Just(Made::InContextElsewhere)]
}

fn at() -> impl Strategy<Value = At> {
    prop_oneof![Just(At::Here), Just(At::Thread), Just(At::Task)]
}

fn member(steps: BoxedStrategy<Vec<Step>>) -> impl Strategy<Value = Member> {
    let yes_or_no = any::<bool>;
    (yes_or_no(), yes_or_no(), yes_or_no(), yes_or_no(), steps).prop_map(
        |(bound, in_context, within, stays, steps)| Member {
            bound,
            in_context,
            within,
            stays,
            steps,
        },
    )
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![Just(Status::Unset), Just(Status::Ok), Just(Status::Error)]
}
