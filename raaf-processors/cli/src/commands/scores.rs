//! `stats --by score`: values and labels of scores.

use std::collections::BTreeMap;

use raaf_trace_model::span::Record;
use serde::Serialize;

use super::Found;
use crate::{
    args::Stats,
    input::{Facts, Scan},
    print::{self, Printer},
    score::{self, Scored},
};

/// Scores of a name.
#[derive(Debug, Default, Serialize)]
struct Sums {
    count: u64,
    /// Number, sum, minimum and maximum of the values.
    #[serde(skip)]
    values: Option<(u64, f64, f64, f64)>,
    labels: BTreeMap<String, u64>,
}

impl Sums {
    fn add_value(&mut self, (count, sum, least, most): (u64, f64, f64, f64)) {
        let (known, total, min, max) =
            self.values.unwrap_or((0, 0.0, f64::INFINITY, f64::NEG_INFINITY));
        self.values = Some((known + count, total + sum, min.min(least), max.max(most)));
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        if let Some(values) = other.values {
            self.add_value(values);
        }
        for (label, count) in other.labels {
            *self.labels.entry(label).or_default() += count;
        }
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    group: &'a str,
    mean: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(flatten)]
    sums: &'a Sums,
}

pub(super) fn run(stats: &Stats, printer: &mut Printer) -> anyhow::Result<Found> {
    let input = stats.files.input()?;
    let begin = BTreeMap::<String, Sums>::new;
    let (parts, faults) = Scan::of(&input).lines(begin, |groups, line| {
        let Some(facts) = Facts::read(line)? else { return Ok(()) };
        let fits = facts.start.is_some_and(|start| stats.period.contains(start.into()));
        if !fits || !score::has_any(line) {
            return Ok(());
        }
        let record = Record::parse(line).map_err(|error| error.to_string())?;
        for scored in record.iter().filter_map(Record::ended).flat_map(Scored::all) {
            let group = groups.entry(scored.name).or_default();
            group.count += 1;
            if let Some(value) = scored.value {
                group.add_value((1, value, value, value));
            }
            if let Some(label) = scored.label {
                *group.labels.entry(label).or_default() += 1;
            }
        }
        Ok(())
    })?;
    let mut all = BTreeMap::<String, Sums>::new();
    for (name, part) in parts.into_iter().flatten() {
        all.entry(name).or_default().merge(part);
    }
    let of = |name, sums: &Sums| {
        let values = sums.values;
        let mean = values.map(|(count, sum, ..)| sum / count as f64);
        (name, mean, values.map(|values| values.2), values.map(|values| values.3))
    };
    if printer.json {
        for (name, sums) in &all {
            let (group, mean, min, max) = of(name, sums);
            printer.object(&Shown { group, mean, min, max, sums })?;
        }
    } else if !all.is_empty() {
        let number = |number: Option<f64>| number.map(print::number).unwrap_or_default();
        let rows = all.iter().map(|(name, sums)| {
            let (name, mean, min, max) = of(name, sums);
            let labels: Vec<_> =
                sums.labels.iter().map(|(label, count)| format!("{label} {count}")).collect();
            let labels = print::name(&labels.join(", "));
            [
                print::name(name),
                sums.count.to_string(),
                number(mean),
                number(min),
                number(max),
                labels,
            ]
        });
        printer.table(["SCORE", "COUNT", "MEAN", "MIN", "MAX", "LABELS"], &[1, 2, 3, 4], rows)?;
    }
    printer.tell(&faults);
    Ok(Found::any(!all.is_empty()))
}
