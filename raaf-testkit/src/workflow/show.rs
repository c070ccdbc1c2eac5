//! Workflows as text that reads like code.

use std::fmt::{self, Formatter};

use super::{Call, On, ROOT, Step, Who, Workflow, shared};

impl fmt::Display for Workflow {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(ROOT.1)?;
        block(f, &self.steps, 0)?;
        f.write_str("\n")
    }
}

/// The same as shown: proptest prints what fails in this form.
impl fmt::Debug for Workflow {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("\n")?;
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        step(f, self, 0)
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        call(f, self, 0)
    }
}

fn block(f: &mut Formatter<'_>, steps: &[Step], depth: usize) -> fmt::Result {
    if steps.is_empty() {
        return f.write_str(" {}");
    }
    f.write_str(" {")?;
    for inner in steps {
        line(f, depth + 1)?;
        step(f, inner, depth + 1)?;
    }
    line(f, depth)?;
    f.write_str("}")
}

fn line(f: &mut Formatter<'_>, depth: usize) -> fmt::Result {
    write!(f, "\n{:width$}", "", width = depth * 4)
}

fn step(f: &mut Formatter<'_>, step: &Step, depth: usize) -> fmt::Result {
    match step {
        Step::Call(inner) => call(f, inner, depth),
        Step::Retry { failures, call: inner } => {
            write!(f, "retry({failures}) ")?;
            call(f, inner, depth)
        }
        Step::Handoff { to } => {
            f.write_str("hand off to ")?;
            call(f, to, depth)
        }
        Step::Parallel { on, branches } => {
            f.write_str(match on {
                On::Threads => "threads {",
                On::BareThreads => "bare threads {",
                On::Tasks => "tasks {",
                On::Blocking => "blocking tasks {",
                On::Join => "join {",
            })?;
            for branch in branches {
                line(f, depth + 1)?;
                f.write_str("branch")?;
                block(f, branch, depth + 1)?;
            }
            line(f, depth)?;
            f.write_str("}")
        }
        Step::Cancel { abort, steps } => {
            f.write_str(if *abort { "abort" } else { "drop" })?;
            block(f, steps, depth)
        }
        Step::Manual { scoped, status, steps } => {
            f.write_str(if *scoped { "in manual span" } else { "manual span" })?;
            write!(f, " [{status}]")?;
            block(f, steps, depth)
        }
        Step::Fail => f.write_str("fail"),
        Step::Panic => f.write_str("panic"),
        Step::Hang => f.write_str("hang"),
    }
}

fn call(f: &mut Formatter<'_>, call: &Call, depth: usize) -> fmt::Result {
    let Call { who, method, skip, blocking, keeps_failures, steps } = call;
    match who {
        Who::Shared(number) => write!(f, "{}#{number}", shared(*number).1)?,
        Who::Fresh => f.write_str("fresh")?,
        Who::BoundTo(levels) => write!(f, "bound({levels})")?,
        Who::Under(levels) => write!(f, "under({levels})")?,
    }
    write!(f, ".{method}")?;
    for (holds, word) in [(*skip, "skipped"), (*blocking, "sync"), (!keeps_failures, "?")] {
        if holds {
            write!(f, " {word}")?;
        }
    }
    block(f, steps, depth)
}
