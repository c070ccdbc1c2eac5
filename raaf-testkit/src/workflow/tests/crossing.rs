//! Steps that leave the flow or the span in which they began.

use super::{call, check};
use crate::{
    span_tree,
    workflow::{At, Call, Made, Member, Step, Who},
};

#[test]
fn a_future_finished_elsewhere_goes_on_where_it_was() {
    let fresh = || call(Who::Fresh, "run", vec![]);
    let moved = |made, who| Step::Move {
        made,
        task: made == Made::Here,
        call: Call::new(who, "run", vec![fresh()]),
        after: vec![fresh(), Step::Hang],
    };
    let reused = moved(Made::Here, Who::Shared(0));
    check(
        vec![
            moved(Made::Elsewhere, Who::Fresh),
            moved(Made::InContextElsewhere, Who::Fresh),
            call(Who::Shared(0), "run", vec![reused]),
        ],
        &span_tree! {
            pipeline "Workflow" {
                * "maker 0"
                * "call 0" [status = cancelled] { * "call 0.0" * "call 0.after.0" }
                * "maker 1" { * "call 1" [status = cancelled] { * "call 1.0" * "call 1.after.0" } }
                agent "Ann" [status = ok] { * "call 2.0.0" * "call 2.0.after.0" }
            }
        },
    );
}

#[test]
fn a_skipped_call_finished_elsewhere_has_no_context_there() {
    let fresh = || vec![call(Who::Fresh, "run", vec![])];
    let call = Call { skip: true, ..Call::new(Who::Fresh, "run", fresh()) };
    check(
        vec![Step::Move { made: Made::Here, task: false, call, after: fresh() }],
        &span_tree! { pipeline "Workflow" { * "call 0.0" } * "call 0.after.0" },
    );
}

#[test]
fn a_component_of_several_traces_is_nobodys_parent() {
    let (within, steps) = (false, vec![]);
    let member = |bound, in_context, stays| {
        let steps = steps.clone();
        Member { bound, in_context, within, stays, steps }
    };
    let common = |in_context| member(false, in_context, true);
    let together = |members: &[Member]| Step::Together { members: members.to_vec() };
    check(
        vec![
            together(&[common(true), member(true, true, false), member(true, false, false)]),
            together(&[common(false), member(true, true, false), member(true, false, false)]),
            together(&[
                common(true),
                common(false),
                member(true, true, false),
                member(true, false, false),
            ]),
        ],
        &span_tree! {
            pipeline "Workflow" {
                * "common 0" { * "branch 0.1" * "branch 0.2" }
                * "branch 1.1"
                * "common 2"
                * "branch 2.2"
            }
            * "common 1" { * "branch 1.2" }
            * "common 2"
            * "branch 2.3"
        },
    );
}

#[test]
fn a_member_without_a_context_calls_back_what_is_around_another_one() {
    let calls = vec![call(Who::Shared(2), "validate", vec![])];
    let common =
        Member { bound: false, in_context: true, within: true, stays: true, steps: vec![] };
    let bare = Member { bound: true, in_context: false, within: false, stays: false, steps: calls };
    check(
        vec![Step::Together { members: vec![common, bare] }],
        &span_tree! {
            pipeline "Workflow" {
                tool "Tom".around { * "common 0" { * "branch 0.1" { tool "Tom".validate } } }
            }
        },
    );
}

#[test]
fn outside_only_what_is_bound_finds_its_parent() {
    let inside = [Who::Fresh, Who::Shared(2), Who::BoundTo(0), Who::Under(0)];
    let steps = inside.map(|who| call(who, "run", vec![])).to_vec();
    check(
        vec![call(Who::Fresh, "run", vec![Step::Outside { steps }])],
        &span_tree! {
            pipeline "Workflow" {
                * "call 0" { * "call 0.0.2" * "call 0.0.3" }
                tool "Tom"
            }
            * "call 0.0.0"
        },
    );
}

#[test]
fn an_ended_span_is_a_parent_but_takes_no_attributes() {
    let captured = |at, skip| Step::Outlive {
        at,
        call: Call { skip, blocking: true, ..Call::new(Who::Shared(0), "run", vec![]) },
        late: vec![call(Who::Shared(0), "run", vec![])],
    };
    check(
        vec![captured(At::Here, false), captured(At::Thread, false), captured(At::Task, true)],
        &span_tree! {
            pipeline "Workflow" ["early 2" = true, "late 2" = true] {
                agent "Ann" ["early 0" = true, !"late 0"] { * "heir 0" agent "Ann" }
                agent "Ann" ["early 1" = true, !"late 1"] { * "heir 1" agent "Ann" }
                * "heir 2"
                agent "Ann"
            }
        },
    );
}
