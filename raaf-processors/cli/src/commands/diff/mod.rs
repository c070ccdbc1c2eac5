//! `diff`: what changed between two runs, or two sets of runs.

mod sets;
mod tree;

use std::{cell::OnceCell, iter, time::Duration};

use anstyle::{AnsiColor, Style};
use anyhow::bail;
use raaf_trace_model::escape::Escaped;
use serde::Serialize;

use super::Found;
use crate::{
    args::{Diff, Side},
    input::Input,
    print::Printer,
    run::{Run, runs},
    trace::Trace,
};
use sets::{Compare, Set, Sums};

/// A difference between two runs, or two sets of runs.
#[derive(Debug, Serialize)]
struct Difference {
    change: Change,
    /// Name of the runs, of sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// Numbers of these runs, before and after.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<[u64; 2]>,
    /// Titles from the root to the span; of sets, none for the run itself.
    path: Vec<String>,
    /// Changes of a span that both have, or of sets, what one of them has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    what: Vec<String>,
    /// Contents as a unified diff.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    content: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Sums>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Sums>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Change {
    Added,
    Gone,
    Changed,
}

impl Change {
    fn sign(self) -> (Style, char) {
        match self {
            Self::Added => (AnsiColor::Green.on_default(), '+'),
            Self::Gone => (AnsiColor::Red.on_default(), '-'),
            Self::Changed => (AnsiColor::Yellow.on_default(), '~'),
        }
    }
}

impl Difference {
    fn new(change: Change) -> Self {
        Self {
            change,
            run: None,
            runs: None,
            path: Vec::new(),
            what: Vec::new(),
            content: Vec::new(),
            before: None,
            after: None,
        }
    }

    fn print(&self, indent: &str, printer: &mut Printer) -> anyhow::Result<()> {
        let escaped = |texts: &[String], separator: &str| {
            let texts: Vec<_> = texts.iter().map(|text| Escaped(text).to_string()).collect();
            texts.join(separator)
        };
        let (style, sign) = self.change.sign();
        let parts = [escaped(&self.path, " > "), escaped(&self.what, "; ")];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        printer.line(format_args!("{indent}{style}{sign}{style:#} {}", parts.join(": ")))?;
        for line in self.content.iter().flat_map(|text| text.lines()) {
            printer.line(format_args!("{indent}    {line}"))?;
        }
        Ok(())
    }
}

/// Titles on the ways from the roots to spans.
#[derive(Debug, Default)]
struct Paths(Vec<(Option<usize>, String)>);

impl Paths {
    /// Largest number of titles of a path that are shown: of a long chain, the texts of all would have the
    /// square of its length.
    const LONGEST: usize = 64;

    /// Adds a title below another one.
    fn add(&mut self, below: Option<usize>, title: &str) -> usize {
        self.0.push((below, title.to_owned()));
        self.0.len() - 1
    }

    /// Returns the titles from the root on, or the last ones after `…`.
    fn get(&self, end: Option<usize>) -> Vec<String> {
        let up = |at: &usize| self.0[*at].0;
        let mut at = iter::successors(end, up);
        let mut path: Vec<_> =
            at.by_ref().take(Self::LONGEST).map(|at| self.0[at].1.clone()).collect();
        path.extend(at.next().map(|_| "…".to_owned()));
        path.reverse();
        path
    }
}

/// Returns a change of a duration, if its ratio is at least this, or its inverse.
fn change_of(
    old: Duration,
    new: Duration,
    least: f64,
    shown: impl Fn(Duration) -> String,
) -> Option<String> {
    let ratio = new.as_secs_f64().max(1e-9) / old.as_secs_f64().max(1e-9);
    let differs = old != new && (ratio >= least || ratio <= 1.0 / least);
    differs.then(|| format!("{} → {} ({ratio:.1}x)", shown(old), shown(new)))
}

/// Runs to compare, and where they are.
struct Runs {
    input: Input,
    runs: Vec<Run>,
}

impl Runs {
    /// Finds the runs of a side. `shared` is the input of sides without a file, which may be standard input.
    fn find(
        side: &Side,
        diff: &Diff,
        shared: &OnceCell<Input>,
        printer: &mut Printer,
    ) -> anyhow::Result<Self> {
        let opened = || {
            if let Some(input) = shared.get() {
                return anyhow::Ok(input.clone());
            }
            let input = diff.files.input()?.rereadable()?;
            Ok(shared.get_or_init(|| input).clone())
        };
        let (file, filter, text) = match side {
            Side::Run(id) => {
                let input = opened()?;
                let trace = Trace::find(&input, id, printer)?;
                let runs = Run::of(&trace.tree).into_iter().collect();
                return Ok(Self { input, runs });
            }
            Side::Set { file, filter, text } => (file, filter, text),
        };
        let input = match file {
            Some(file) => diff.files.input_of(file)?.rereadable()?,
            None => opened()?,
        };
        let (mut runs, faults) = runs(&input)?;
        printer.tell(&faults);
        runs.retain(|run| filter.fits(run));
        if runs.is_empty() {
            bail!("no run is in `{}`; `raaf list` has the same filters", text.escape_debug());
        }
        Ok(Self { input, runs })
    }

    /// Returns the trace if there is one run.
    fn single(&self, printer: &mut Printer) -> anyhow::Result<Option<Trace>> {
        let [run] = &self.runs[..] else { return Ok(None) };
        Trace::find(&self.input, &run.trace.hex(), printer).map(Some)
    }
}

/// Returns the differences of two runs.
fn runs_of(before: &Trace, after: &Trace, diff: &Diff, printer: &mut Printer) -> Vec<Difference> {
    let (found, is_exact) = tree::compare(&before.tree, &after.tree, diff.slower, diff.content);
    if !is_exact {
        printer.note(
            "raaf: the runs are long and differ a lot: more differences than necessary may be shown"
                .to_owned(),
        );
    }
    found
}

pub(super) fn run(diff: &Diff, printer: &mut Printer) -> anyhow::Result<Found> {
    let has_file = |side: &Side| matches!(side, Side::Set { file: Some(_), .. });
    if diff.files.are_named() && has_file(&diff.before) && has_file(&diff.after) {
        bail!("both sides name a file; leave the other files out");
    }
    let differences = if let (Side::Run(before), Side::Run(after)) = (&diff.before, &diff.after) {
        let input = diff.files.input()?.rereadable()?;
        let before = Trace::find(&input, before, printer)?;
        let after = Trace::find(&input, after, printer)?;
        runs_of(&before, &after, diff, printer)
    } else {
        let shared = OnceCell::new();
        let before = Runs::find(&diff.before, diff, &shared, printer)?;
        let after = Runs::find(&diff.after, diff, &shared, printer)?;
        if let (Some(before), Some(after)) = (before.single(printer)?, after.single(printer)?) {
            runs_of(&before, &after, diff, printer)
        } else {
            if diff.content {
                bail!("`--content` compares two runs; these are sets of several");
            }
            let of = |runs: &Runs| Set::read(&runs.input, &runs.runs);
            let compare = Compare { slower: diff.slower, more: diff.more };
            compare.sets(&of(&before)?, &of(&after)?)
        }
    };
    let mut last = None;
    for difference in &differences {
        if printer.json {
            printer.object(difference)?;
            continue;
        }
        let (Some(run), Some([before, after])) = (&difference.run, difference.runs) else {
            difference.print("", printer)?;
            continue;
        };
        if last != Some(run) {
            printer.line(format_args!("{} ({before} → {after} runs)", Escaped(run)))?;
            last = Some(run);
        }
        difference.print("  ", printer)?;
    }
    Ok(Found::any(differences.is_empty()))
}
