//! Workflows as the Rust code that makes them again.

use std::fmt::{self, Write};

use super::{Call, Step, Workflow};

impl Workflow {
    /// The Rust code that makes this workflow, for a test that holds what a random one has found.
    /// It takes `use raaf_testkit::workflow::{Call, On, Step, Who, Workflow};`, and
    /// `raaf_trace_core::Status` for manual spans.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_testkit::workflow::{Call, Step, Who, Workflow};
    ///
    /// let workflow = Workflow { steps: vec![Step::Call(Call::new(Who::Fresh, "run", vec![]))] };
    /// assert_eq!(workflow.code(), r#"Workflow {
    ///     steps: vec![
    ///         Step::Call(Call::new(Who::Fresh, "run", vec![])),
    ///     ],
    /// }"#);
    /// ```
    pub fn code(&self) -> String {
        let mut code = String::from("Workflow {\n    steps: ");
        // Writing to a string never fails.
        let _ = list(&mut code, &self.steps, 1);
        code.push_str(",\n}");
        code
    }
}

fn line(out: &mut String, depth: usize) -> fmt::Result {
    write!(out, "\n{:width$}", "", width = depth * 4)
}

fn list(out: &mut String, steps: &[Step], depth: usize) -> fmt::Result {
    out.write_str("vec![")?;
    for inner in steps {
        line(out, depth + 1)?;
        step(out, inner, depth + 1)?;
        out.write_char(',')?;
    }
    if !steps.is_empty() {
        line(out, depth)?;
    }
    out.write_char(']')
}

fn step(out: &mut String, step: &Step, depth: usize) -> fmt::Result {
    match step {
        Step::Call(inner) => {
            out.write_str("Step::Call(")?;
            call(out, inner, depth)?;
            out.write_char(')')
        }
        Step::Retry { failures, call: inner } => {
            write!(out, "Step::Retry {{ failures: {failures}, call: ")?;
            call(out, inner, depth)?;
            out.write_str(" }")
        }
        Step::Handoff { to } => {
            out.write_str("Step::Handoff { to: ")?;
            call(out, to, depth)?;
            out.write_str(" }")
        }
        Step::Parallel { on, branches } => {
            write!(out, "Step::Parallel {{ on: On::{on:?}, branches: vec![")?;
            for branch in branches {
                line(out, depth + 1)?;
                list(out, branch, depth + 1)?;
                out.write_char(',')?;
            }
            line(out, depth)?;
            out.write_str("] }")
        }
        Step::Cancel { abort, steps } => {
            write!(out, "Step::Cancel {{ abort: {abort}, steps: ")?;
            list(out, steps, depth)?;
            out.write_str(" }")
        }
        Step::Manual { scoped, status, steps } => {
            write!(out, "Step::Manual {{ scoped: {scoped}, status: Status::{status:?}, steps: ")?;
            list(out, steps, depth)?;
            out.write_str(" }")
        }
        Step::Fail => out.write_str("Step::Fail"),
        Step::Panic => out.write_str("Step::Panic"),
        Step::Hang => out.write_str("Step::Hang"),
    }
}

fn call(out: &mut String, call: &Call, depth: usize) -> fmt::Result {
    let Call { who, method, skip, blocking, keeps_failures, steps } = call;
    let mut fields = String::new();
    for (differs, field) in [
        (*skip, "skip: true, "),
        (*blocking, "blocking: true, "),
        (!keeps_failures, "keeps_failures: false, "),
    ] {
        fields.push_str(if differs { field } else { "" });
    }
    if !fields.is_empty() {
        write!(out, "Call {{ {fields}..")?;
    }
    write!(out, "Call::new(Who::{who:?}, {method:?}, ")?;
    list(out, steps, depth)?;
    out.write_str(if fields.is_empty() { ")" } else { ") }" })
}
