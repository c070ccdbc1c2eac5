//! Workflows as indented lists of steps.

use std::fmt::{self, Formatter};

use super::{Call, Member, ROOT, Step, Who, Workflow, shared};

impl fmt::Display for Workflow {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", ROOT.1)?;
        list(f, &self.steps, 1)
    }
}

/// Equals the `Display` form: proptest prints what fails with `Debug`.
impl fmt::Debug for Workflow {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "\n{self}")
    }
}

fn list(f: &mut Formatter<'_>, steps: &[Step], depth: usize) -> fmt::Result {
    for step in steps {
        line(f, depth, &head(step))?;
        match step {
            Step::Call(call) | Step::Retry { call, .. } | Step::Handoff { to: call } => {
                list(f, &call.steps, depth + 1)?;
            }
            Step::Parallel { branches, .. } => {
                for branch in branches {
                    line(f, depth + 1, "branch")?;
                    list(f, branch, depth + 2)?;
                }
            }
            Step::Cancel { steps, .. } | Step::Manual { steps, .. } | Step::Outside { steps } => {
                list(f, steps, depth + 1)?;
            }
            Step::Move { call, after: rest, .. } | Step::Outlive { call, late: rest, .. } => {
                list(f, &call.steps, depth + 1)?;
                let is_move = matches!(step, Step::Move { .. });
                line(f, depth, if is_move { "moved" } else { "late" })?;
                list(f, rest, depth + 1)?;
            }
            Step::Together { members } => {
                for member in members {
                    line(f, depth + 1, &role(member))?;
                    list(f, &member.steps, depth + 2)?;
                }
            }
            Step::Fail | Step::Panic | Step::Hang => {}
        }
    }
    Ok(())
}

fn line(f: &mut Formatter<'_>, depth: usize, head: &str) -> fmt::Result {
    writeln!(f, "{:width$}{head}", "", width = depth * 4)
}

fn head(step: &Step) -> String {
    match step {
        Step::Call(call) => name(call),
        Step::Retry { failures, call } => format!("retry({failures}) {}", name(call)),
        Step::Handoff { to } => format!("handoff {}", name(to)),
        Step::Parallel { on, .. } => format!("parallel {on:?}"),
        Step::Cancel { abort, .. } => if *abort { "abort" } else { "drop" }.to_owned(),
        Step::Manual { scoped, status, .. } => format!("manual span, scoped: {scoped}, {status}"),
        Step::Outside { .. } => "outside".to_owned(),
        Step::Move { made, task, call, .. } => {
            format!("made {made:?}, to a {} {}", if *task { "task" } else { "thread" }, name(call))
        }
        Step::Together { .. } => "together".to_owned(),
        Step::Outlive { at, call, .. } => format!("captured, used {at:?} {}", name(call)),
        Step::Fail => "fail".to_owned(),
        Step::Panic => "panic".to_owned(),
        Step::Hang => "hang".to_owned(),
    }
}

fn role(member: &Member) -> String {
    let who = if member.bound { "bound" } else { "common" };
    let Member { in_context, within, stays, .. } = *member;
    let flags = [(in_context, " in context"), (within, " within Tom"), (stays, " stays")];
    format!("{who}{}", words(&flags))
}

fn name(call: &Call) -> String {
    let who = match call.who {
        Who::Shared(number) => format!("{}#{number}", shared(number).1),
        who => format!("{who:?}"),
    };
    let flags = [(call.skip, " skip"), (call.blocking, " sync"), (!call.keeps_failures, " ?")];
    format!("{who}.{}{}", call.method, words(&flags))
}

fn words(flags: &[(bool, &str)]) -> String {
    flags.iter().filter_map(|(holds, word)| holds.then_some(*word)).collect()
}
