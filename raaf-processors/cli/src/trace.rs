//! One trace, read whole.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, hash_map::Entry},
    mem,
    num::NonZero,
    path::Path,
    thread,
};

use anyhow::bail;
use raaf_trace_model::{
    id::TraceId,
    prices::PriceTable,
    span::{FinishedSpan, Record, SpanTree},
    time::Timestamp,
};

use crate::{
    input::{Facts, Faults, Input, Scan},
    print::Printer,
    run::{Run, runs},
    score::{self, Scored},
};

/// Number of ids that an error about an ambiguous one shows.
const CANDIDATES: usize = 5;

/// A trace with the lines that it was read from.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) id: TraceId,
    pub(crate) lines: Vec<String>,
    pub(crate) tree: SpanTree<Record>,
    /// Spans of other traces that score spans of this one.
    pub(crate) scoring: Vec<FinishedSpan>,
}

impl Trace {
    /// Finds the trace whose id begins so; `last` is the newest one.
    ///
    /// # Errors
    ///
    /// If the input cannot be read, or no id begins so, or several.
    pub(crate) fn find(input: &Input, id: &str, printer: &mut Printer) -> anyhow::Result<Self> {
        let prefix = if id == "last" {
            let (runs, faults) = runs(input)?;
            let Some(newest) = runs.iter().find(|run| !run.is_score()) else {
                printer.tell(&faults);
                bail!("there are no traces");
            };
            newest.trace.hex().to_string()
        } else {
            prefix(id, "trace")?
        };
        let is_wanted = |trace: &TraceId| trace.hex().starts_with(prefix.as_str());
        let (Collected { mut traces, scoring, .. }, faults) = collect(input, is_wanted)?;
        printer.tell(&faults);
        if traces.len() > 1 {
            let ids = traces.keys().take(CANDIDATES).map(|id| id.hex().to_string());
            let ids = ids.collect::<Vec<_>>().join(", ");
            bail!("{} traces begin with `{prefix}`, such as {ids}; use more digits", traces.len());
        }
        match traces.pop_first() {
            Some((id, lines)) => {
                let scoring = scoring.into_iter().filter(|span| scores(span, id)).collect();
                Ok(Self { scoring, ..Self::of(id, lines, input.prices()) })
            }
            None => {
                bail!("no trace begins with `{}`; `raaf list` shows them", id.escape_debug())
            }
        }
    }

    fn of(id: TraceId, mut lines: Lines, prices: &PriceTable) -> Self {
        lines.sort();
        let lines: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
        let records = lines.iter().filter_map(|line| Record::parse(line.as_bytes()).ok().flatten());
        let records = records.map(|mut record| {
            if let Record::Span(span) = &mut record {
                span.add_cost(prices);
            }
            record
        });
        let mut records: Vec<_> = records.collect();
        // Of spans that ended more than once, the tree keeps the first, which is the longest.
        records.sort_by_key(|record| (record.start_time(), Reverse(record.duration())));
        let tree = SpanTree::new(records);
        Self { id, lines, tree, scoring: Vec::new() }
    }

    /// Returns the trace reduced to a span, whose id begins so, and what is below it.
    ///
    /// # Errors
    ///
    /// If no span, or several, begin so.
    pub(crate) fn below(mut self, id: &str) -> anyhow::Result<Self> {
        let prefix = prefix(id, "span")?;
        let spans = self.tree.spans();
        let begins = |index: &usize| spans[*index].span_id().hex().starts_with(&prefix);
        let found: Vec<_> = (0..spans.len()).filter(begins).collect();
        let [top] = found[..] else {
            bail!(
                "{} spans of {} begin with `{}`; expected one",
                found.len(),
                self.id,
                id.escape_debug()
            );
        };
        let below: Vec<_> = self
            .tree
            .walk_from(&[top])
            .map(|(_, index)| self.tree.spans()[index].clone())
            .collect();
        self.tree = SpanTree::in_order(below);
        let tree = &self.tree;
        let is_here = |scored: Scored| tree.index_of(scored.trace, scored.span).is_some();
        self.scoring.retain(|span| Scored::all(span).any(is_here));
        Ok(self)
    }

    /// Returns the scores of its spans, each with the title and the id of the span.
    pub(crate) fn scores(&self) -> impl Iterator<Item = (&Record, Scored)> {
        let all = self.tree.ended().chain(&self.scoring).flat_map(Scored::all);
        all.filter_map(|scored| {
            let index = self.tree.index_of(scored.trace, scored.span)?;
            Some((&self.tree.spans()[index], scored))
        })
    }

    /// Returns the spans that have ended, in the order of their starts.
    pub(crate) fn ended(&self) -> Vec<FinishedSpan> {
        self.tree.ended().cloned().collect()
    }
}

/// Bytes of lines whose traces are in memory at a time, unless a single trace has more.
const BATCH: usize = 8 * 1024 * 1024;

/// Reads the traces of these runs one after the other, each when its last line was read. Calls `map` for
/// several of them at a time, and `each` with its results in their order.
///
/// Lines that were written after the runs were read are left out.
///
/// # Errors
///
/// If the input cannot be read, or that of `each`.
pub(crate) fn each<T: Send>(
    input: &Input,
    runs: &[Run],
    map: impl Fn(usize, Trace, &Run) -> T + Sync,
    mut each: impl FnMut(T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    /// A run whose lines are being read.
    struct Open<'a> {
        run: &'a Run,
        missing: u64,
        lines: Lines,
    }
    let runs =
        runs.iter().map(|run| (run.trace, Open { run, missing: run.lines(), lines: Lines::new() }));
    let mut open: HashMap<_, _> = runs.collect();
    let (mut batch, mut bytes, mut number) = (Vec::new(), 0, 0);
    let mut finish = |batch: Vec<Open<'_>>| -> anyhow::Result<()> {
        let numbered: Vec<_> = (number..).zip(batch).collect();
        number += numbered.len();
        let of = |(number, Open { run, lines, .. }): (usize, Open<'_>)| {
            map(number, Trace::of(run.trace, lines, input.prices()), run)
        };
        parallel(numbered, of).into_iter().try_for_each(&mut each)
    };
    Scan::of(input).in_order(|line| {
        let Some(facts) = Facts::read(line)? else { return Ok(()) };
        let (Some(trace), Some(start)) = (facts.trace, facts.start) else { return Ok(()) };
        let Entry::Occupied(mut entry) = open.entry(trace) else { return Ok(()) };
        let text = str::from_utf8(line).map_err(|error| error.to_string())?;
        let of = entry.get_mut();
        of.lines.push((start, text.to_owned()));
        of.missing -= 1;
        bytes += line.len();
        if of.missing == 0 {
            batch.push(entry.remove());
        }
        if bytes >= BATCH && !batch.is_empty() {
            bytes = 0;
            finish(mem::take(&mut batch))?;
        }
        Ok(())
    })?;
    // Of a file that was cut meanwhile.
    batch.extend(open.into_values().filter(|open| !open.lines.is_empty()));
    finish(batch)
}

/// Maps items by several threads; the results are in the order of the items.
fn parallel<I: Send, T: Send>(mut items: Vec<I>, map: impl Fn(I) -> T + Sync) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(threads).max(1);
    let map = &map;
    thread::scope(|scope| {
        let mut shares = Vec::new();
        while items.len() > share {
            let rest = items.split_off(share);
            let own = mem::replace(&mut items, rest);
            shares.push(scope.spawn(move || own.into_iter().map(map).collect::<Vec<_>>()));
        }
        let last: Vec<_> = items.into_iter().map(map).collect();
        let done = shares.into_iter().filter_map(|share| share.join().ok());
        done.flatten().collect::<Vec<_>>().into_iter().chain(last).collect()
    })
}

/// Lines of a trace with their starts.
type Lines = Vec<(Timestamp, String)>;

#[derive(Default)]
struct Collected {
    traces: BTreeMap<TraceId, Lines>,
    /// Lines of spans that only score others.
    scores: BTreeMap<TraceId, Lines>,
    /// Spans that score those of the traces.
    scoring: Vec<FinishedSpan>,
}

/// Collects the lines of the traces that are wanted, and the spans that score theirs.
fn collect(
    input: &Input,
    is_wanted: impl Fn(&TraceId) -> bool + Sync,
) -> anyhow::Result<(Collected, Faults)> {
    let (parts, faults) = Scan::of(input).lines(Collected::default, |found, line| {
        let Some(facts) = Facts::read(line)? else { return Ok(()) };
        let (Some(trace), Some(start)) = (facts.trace, facts.start) else { return Ok(()) };
        let is_score = score::is_of_another(&facts, line);
        if is_wanted(&trace) {
            let text = str::from_utf8(line).map_err(|error| error.to_string())?;
            let traces = if is_score { &mut found.scores } else { &mut found.traces };
            traces.entry(trace).or_default().push((start, text.to_owned()));
        }
        if is_score
            && let Ok(Some(Record::Span(span))) = Record::parse(line)
            && Scored::all(&span).any(|scored| is_wanted(&scored.trace))
        {
            found.scoring.push(span);
        }
        Ok(())
    })?;
    let mut all = Collected::default();
    let add = |all: &mut BTreeMap<_, Lines>, part: BTreeMap<_, _>| {
        for (trace, lines) in part {
            all.entry(trace).or_default().extend(lines);
        }
    };
    for part in parts {
        add(&mut all.traces, part.traces);
        add(&mut all.scores, part.scores);
        all.scoring.extend(part.scoring);
    }
    // Scores have random ids, which should not make that of a run ambiguous.
    if !all.traces.is_empty() {
        all.scores.retain(|trace, _| all.traces.contains_key(trace));
    }
    add(&mut all.traces, mem::take(&mut all.scores));
    all.scoring.sort_by_key(|span| (span.start_time(), span.span_id()));
    Ok((all, faults))
}

/// Returns whether a span of another trace scores a span of this one.
fn scores(span: &FinishedSpan, trace: TraceId) -> bool {
    span.trace_id() != trace && Scored::all(span).any(|scored| scored.trace == trace)
}

/// Returns the beginning of an id of a `trace` or a `span` as its digits.
///
/// # Errors
///
/// If it is none.
pub(crate) fn prefix(id: &str, of: &str) -> anyhow::Result<String> {
    let digits = id.strip_prefix(of).and_then(|id| id.strip_prefix('_')).unwrap_or(id);
    let is_hex = digits.chars().all(|digit| digit.is_ascii_hexdigit());
    if digits.is_empty() || digits.len() > 32 || !is_hex {
        let last = match of {
            "trace" if Path::new(id).is_file() => ", or `last`, before the file",
            "trace" => ", or `last`",
            _ => "",
        };
        bail!(
            "`{}` is not the beginning of a {of}'s id; expected hexadecimal digits{last}",
            id.escape_debug()
        );
    }
    Ok(digits.to_ascii_lowercase())
}
