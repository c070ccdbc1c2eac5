//! Random workflows reach what they are meant to reach, and the oracle says what a person would.

mod crossing;

use std::collections::BTreeSet;

use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner},
};
use raaf_trace_core::Status;

use super::{At, Call, Made, Member, On, Step, Who, Workflow, workflows};
use crate::{Capture, Expected, Siblings, span_tree};

/// Returns the number of spans that a run of the workflow leaves.
fn expected_spans(workflow: &Workflow) -> usize {
    fn count(siblings: &Siblings) -> usize {
        siblings.nodes().iter().map(|node| 1 + count(&node.children)).sum()
    }
    count(&workflow.expected().roots)
}

/// Random, but the same in each run.
fn samples(count: usize) -> Vec<Workflow> {
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(7), ..Config::default() });
    let strategy = workflows();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

fn call(who: Who, method: &'static str, steps: Vec<Step>) -> Step {
    Step::Call(Call::new(who, method, steps))
}

/// Carries it out, and compares what came of it with what the oracle and the test say.
#[track_caller]
fn check(steps: Vec<Step>, by_hand: &Expected) {
    let workflow = Workflow { steps };
    let capture = Capture::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ran = runtime.block_on(capture.run_async(workflow.run()));
    assert_eq!(ran.violations(), &[] as &[String]);
    let spans = capture.spans();
    workflow.expected().check(&spans).unwrap();
    by_hand.check(&spans).unwrap();
    assert_eq!(expected_spans(&workflow), spans.len());
}

#[test]
fn the_same_component_and_method_nested_is_one_span() {
    let inner = || call(Who::Shared(0), "run", vec![call(Who::Fresh, "run", vec![])]);
    check(
        vec![call(Who::Shared(0), "run", vec![inner(), call(Who::Shared(0), "validate", vec![])])],
        &span_tree! {
            pipeline "Workflow" { agent "Ann" { component "call 0.0.0" agent "Ann".validate } }
        },
    );
}

#[test]
fn a_namesake_is_another_component() {
    check(
        vec![call(Who::Shared(0), "run", vec![call(Who::Shared(1), "run", vec![])])],
        &span_tree! { pipeline "Workflow" { agent "Ann".run { agent "Ann".run } } },
    );
}

#[test]
fn a_context_that_was_handed_over_is_a_parent_and_never_reused() {
    let branch = vec![call(Who::Shared(2), "run", vec![])];
    let on = |on| Step::Parallel { on, branches: vec![branch.clone()] };
    let steps = [On::Threads, On::Tasks, On::Blocking, On::Join].map(on).to_vec();
    check(
        vec![call(Who::Shared(2), "run", steps)],
        &span_tree! { pipeline "Workflow" { tool "Tom".run { tool "Tom".run x 3 } } },
    );
}

#[test]
fn bound_and_given_parents_are_found_further_out() {
    let inside = vec![call(Who::BoundTo(1), "run", vec![]), call(Who::Under(0), "run", vec![])];
    check(
        vec![call(Who::Fresh, "run", inside)],
        &span_tree! {
            pipeline "Workflow" {
                component "call 0" { component "call 0.1" }
                component "call 0.0"
            }
        },
    );
}

#[test]
fn a_bound_component_leaves_its_parent_only_to_go_on_below_itself() {
    let tom = |steps| call(Who::Shared(2), "run", steps);
    let below = call(Who::Under(1), "run", vec![tom(vec![])]);
    check(
        vec![call(Who::Fresh, "run", vec![tom(vec![below])])],
        &span_tree! {
            pipeline "Workflow" {
                * "call 0" { * "call 0.0.0" { tool "Tom" } }
                tool "Tom"
            }
        },
    );
}

#[test]
fn bare_threads_hang_under_the_component_they_are_bound_to() {
    let branches = vec![vec![Step::Panic], vec![call(Who::Shared(0), "run", vec![])]];
    check(
        vec![Step::Parallel { on: On::BareThreads, branches }],
        &span_tree! {
            pipeline "Workflow" {
                component "fork 0" {
                    in_any_order {
                        component "branch 0.0" [status = error, "error.type" = "panic"]
                        component "branch 0.1" { agent "Ann" }
                    }
                }
            }
        },
    );
}

#[test]
fn what_is_dropped_midway_is_cancelled_as_far_as_it_was_open() {
    let midway =
        || vec![call(Who::Fresh, "run", vec![call(Who::Fresh, "run", vec![]), Step::Hang])];
    check(
        vec![
            Step::Cancel { abort: false, steps: midway() },
            Step::Cancel { abort: true, steps: midway() },
            Step::Cancel { abort: true, steps: vec![Step::Fail] },
        ],
        &span_tree! {
            pipeline "Workflow" [status = ok] {
                * "call 0.0" [status = cancelled] { * "call 0.0.0" [status = ok] }
                * "call 1.0" [status = cancelled] { * "call 1.0.0" [status = ok] }
            }
        },
    );
}

#[test]
fn failures_go_on_until_a_call_keeps_them() {
    let passing = |step| Call { keeps_failures: false, ..Call::new(Who::Fresh, "run", vec![step]) };
    let outer = call(Who::Fresh, "run", vec![Step::Call(passing(Step::Fail)), Step::Panic]);
    let skipped = Call { skip: true, blocking: true, ..passing(Step::Panic) };
    check(
        vec![outer, Step::Call(skipped)],
        &span_tree! {
            pipeline "Workflow" [status = error, "error.type" = "panic"] {
                * "call 0" [status = error, "error.type" = "Failed"] {
                    * "call 0.0" [status = error]
                }
            }
        },
    );
}

#[test]
fn attempts_are_siblings_until_one_succeeds() {
    let inside = vec![call(Who::Shared(0), "run", vec![])];
    let retried = Call::new(Who::Shared(2), "run", inside);
    let hopeless =
        Call { keeps_failures: false, ..Call::new(Who::Fresh, "run", vec![Step::Panic]) };
    check(
        vec![
            Step::Retry { failures: 2, call: retried },
            Step::Retry { failures: 1, call: hopeless },
        ],
        &span_tree! {
            pipeline "Workflow" [status = error, "error.type" = "panic"] {
                tool "Tom" [status = error, "error.type" = "Failed"] { agent "Ann" }
                tool "Tom" [status = error, "error.type" = "Failed"] { agent "Ann" }
                tool "Tom" [status = ok] { agent "Ann" }
                component "call 1" [status = error, "error.type" = "panic"]
                component "call 1" [status = error, "error.type" = "panic"]
            }
        },
    );
}

#[test]
fn an_attempt_that_is_cancelled_is_the_last() {
    let hanging = Call::new(Who::Fresh, "run", vec![Step::Hang]);
    let steps = vec![Step::Retry { failures: 2, call: hanging }];
    check(
        vec![Step::Cancel { abort: false, steps }],
        &span_tree! { pipeline "Workflow" { component "call 0.0" [status = cancelled] } },
    );
}

#[test]
fn who_takes_over_is_inside_or_beside_who_handed_over() {
    let to = |who| Step::Handoff { to: Call::new(who, "run", vec![]) };
    check(
        vec![call(Who::Shared(0), "run", vec![to(Who::Fresh), to(Who::Under(1))])],
        &span_tree! {
            pipeline "Workflow" {
                agent "Ann" {
                    handoff "handoff 0.0"
                    component "call 0.0"
                    handoff "handoff 0.1"
                }
                component "call 0.1"
            }
        },
    );
}

#[test]
fn manual_spans_enclose_only_what_is_in_their_scope() {
    let manual = |scoped, status| Step::Manual {
        scoped,
        status,
        steps: vec![call(Who::Fresh, "run", vec![]), Step::Fail],
    };
    check(
        vec![manual(true, Status::Unset), manual(false, Status::Error)],
        &span_tree! {
            pipeline "Workflow" [status = ok] {
                custom "manual 0" [status = unset] { * "call 0.0" }
                custom "manual 1" [status = error]
                * "call 1.0"
            }
        },
    );
}

#[test]
fn random_workflows_have_something_of_everything() {
    let mut seen = BTreeSet::new();
    let (mut spans, mut largest) = (0, 0);
    for workflow in samples(300) {
        let text = workflow.to_string();
        let words = [
            "parallel Tasks",
            "parallel Blocking",
            "parallel Threads",
            "parallel BareThreads",
            "parallel Join",
            "drop",
            "abort",
            "scoped: true",
            "fail",
            "panic",
            "hang",
            " skip",
            " sync",
            "BoundTo(",
            "Under(",
            "Fresh",
            "retry(2)",
            "handoff",
            "Ann",
            "?",
            "outside",
            "made Here, to a task",
            "made Elsewhere, to a thread",
            "made InContextElsewhere",
            "common in context stays",
            "bound stays",
            "captured, used Here",
            "captured, used Thread",
            "captured, used Task",
        ];
        seen.extend(words.into_iter().filter(|word| text.contains(word)));
        let tree = workflow.expected().to_string();
        let statuses = ["status = ok", "status = error", "status = cancelled", "status = unset"];
        seen.extend(statuses.into_iter().filter(|status| tree.contains(status)));
        let count = expected_spans(&workflow);
        (spans, largest) = (spans + count, largest.max(count));
    }
    assert_eq!(seen.len(), 33, "{seen:?}");
    assert!(spans > 300 * 6, "{} spans a workflow are few", spans / 300);
    assert!(largest > 30, "{largest} spans are few for the largest workflow");
}

#[test]
fn shrinking_gives_a_small_workflow() {
    fn panics_in_a_thread(steps: &[Step]) -> bool {
        steps.iter().any(|step| match step {
            Step::Parallel { on, branches } => branches.iter().any(|branch| {
                *on == On::Threads && branch.contains(&Step::Panic) || panics_in_a_thread(branch)
            }),
            Step::Call(Call { steps, .. })
            | Step::Retry { call: Call { steps, .. }, .. }
            | Step::Handoff { to: Call { steps, .. } }
            | Step::Cancel { steps, .. }
            | Step::Manual { steps, .. } => panics_in_a_thread(steps),
            _ => false,
        })
    }
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(7), ..Config::default() });
    let strategy = workflows();
    let mut tree = (0..1_000)
        .map(|_| strategy.new_tree(&mut runner).unwrap())
        .find(|tree| panics_in_a_thread(&tree.current().steps))
        .unwrap();
    let mut smallest = tree.current();
    loop {
        let fails = panics_in_a_thread(&tree.current().steps);
        if fails {
            smallest = tree.current();
        }
        if !(if fails { tree.simplify() } else { tree.complicate() }) {
            break;
        }
    }
    let text = smallest.to_string();
    assert!(text.lines().count() <= 9, "not small:\n{text}");
}

#[test]
fn a_workflow_is_shown_as_a_list_of_steps() {
    let skipped = Call {
        skip: true,
        blocking: true,
        keeps_failures: false,
        ..Call::new(Who::BoundTo(1), "validate", vec![])
    };
    let workflow = Workflow {
        steps: vec![
            call(Who::Shared(0), "run", vec![Step::Call(skipped), Step::Fail]),
            Step::Parallel { on: On::Tasks, branches: vec![vec![], vec![Step::Panic]] },
            Step::Cancel { abort: true, steps: vec![Step::Hang] },
            Step::Manual { scoped: true, status: Status::Ok, steps: vec![] },
            Step::Outside { steps: vec![] },
            Step::Move {
                made: Made::Elsewhere,
                task: false,
                call: Call::new(Who::Fresh, "run", vec![]),
                after: vec![Step::Hang],
            },
            Step::Together {
                members: vec![Member {
                    bound: true,
                    in_context: true,
                    within: true,
                    stays: true,
                    steps: vec![],
                }],
            },
            Step::Outlive {
                at: At::Task,
                call: Call::new(Who::Fresh, "run", vec![]),
                late: vec![Step::Fail],
            },
        ],
    };
    assert_eq!(
        workflow.to_string(),
        "\
Workflow
    Ann#0.run
        BoundTo(1).validate skip sync ?
        fail
    parallel Tasks
        branch
        branch
            panic
    abort
        hang
    manual span, scoped: true, ok
    outside
    made Elsewhere, to a thread Fresh.run
    moved
        hang
    together
        bound in context within Tom stays
    captured, used Task Fresh.run
    late
        fail
"
    );
}

/// An oracle that is wrong: it has never heard of anything that does not come back.
fn wrong_oracle(workflow: &Workflow) -> Expected {
    fn without_hanging(steps: &[Step]) -> Vec<Step> {
        let call = |call: &Call| Call { steps: without_hanging(&call.steps), ..call.clone() };
        let step = |step: &Step| match step {
            Step::Hang => None,
            Step::Call(inner) => Some(Step::Call(call(inner))),
            Step::Retry { failures, call: inner } => {
                Some(Step::Retry { failures: *failures, call: call(inner) })
            }
            Step::Handoff { to } => Some(Step::Handoff { to: call(to) }),
            Step::Parallel { on, branches } => {
                let branches = branches.iter().map(|branch| without_hanging(branch)).collect();
                Some(Step::Parallel { on: *on, branches })
            }
            Step::Cancel { abort, steps } => {
                Some(Step::Cancel { abort: *abort, steps: without_hanging(steps) })
            }
            Step::Manual { scoped, status, steps } => {
                let steps = without_hanging(steps);
                Some(Step::Manual { scoped: *scoped, status: *status, steps })
            }
            other => Some(other.clone()),
        };
        steps.iter().filter_map(step).collect()
    }
    Workflow { steps: without_hanging(&workflow.steps) }.expected()
}

#[test]
fn a_wrong_oracle_is_found_out_with_a_small_workflow() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config = Config {
        cases: 1_000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&workflows(), |workflow| {
        let capture = Capture::new();
        runtime.block_on(capture.run_async(workflow.run()));
        let compared = wrong_oracle(&workflow).check(&capture.spans());
        compared.map_err(|mismatch| TestCaseError::fail(mismatch.to_string()))
    });
    let Err(TestError::Fail(_, smallest)) = result else { unreachable!("{result:?}") };
    // Nothing but one thing that hangs, in something that gives it up.
    let text = smallest.to_string();
    assert!(text.lines().count() <= 7, "not small:\n{text}");
    assert!(text.contains("hang") && (text.contains("drop") || text.contains("abort")), "{text}");
    assert!(
        !text.contains("panic") && !text.contains("fail") && !text.contains("branch"),
        "{text}"
    );
}
