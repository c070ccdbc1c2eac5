//! Workflows as indented lists of steps.

use std::fmt::{self, Formatter};

use super::{Call, ROOT, Step, Who, Workflow, shared};

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
            Step::Cancel { steps, .. } | Step::Manual { steps, .. } => list(f, steps, depth + 1)?,
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
        Step::Fail => "fail".to_owned(),
        Step::Panic => "panic".to_owned(),
        Step::Hang => "hang".to_owned(),
    }
}

fn name(call: &Call) -> String {
    let who = match call.who {
        Who::Shared(number) => format!("{}#{number}", shared(number).1),
        who => format!("{who:?}"),
    };
    let flags = [(call.skip, " skip"), (call.blocking, " sync"), (!call.keeps_failures, " ?")];
    let flags = flags.into_iter().filter_map(|(holds, word)| holds.then_some(word));
    format!("{who}.{}{}", call.method, flags.collect::<String>())
}
