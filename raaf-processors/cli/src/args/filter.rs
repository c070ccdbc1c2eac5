//! Filters of runs and spans, and sets of runs.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use anyhow::{anyhow, bail};
use clap::{
    Args, Parser,
    builder::{RangedU64ValueParser, TypedValueParser},
};
use regex::Regex;

use crate::{run::Run, state::State};

/// Filters of runs.
#[derive(Args, Clone, Debug)]
pub(crate) struct RunFilter {
    /// Only runs with this status.
    #[arg(long, value_enum)]
    status: Option<State>,
    /// Only runs whose name matches this regular expression.
    #[arg(long, value_name = "REGEX")]
    name: Option<Regex>,
    /// Only runs of this group.
    #[arg(long)]
    group: Option<String>,
    /// Only runs that lasted at least so long, such as `1.5s` or `200ms`.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    longer_than: Option<Duration>,
    #[command(flatten)]
    period: Period,
}

impl RunFilter {
    /// Names of the filters.
    const KEYS: [&str; 6] = ["status", "name", "group", "longer-than", "since", "until"];

    /// Returns whether a run fits. Scores of other runs do not.
    pub(crate) fn fits(&self, run: &Run) -> bool {
        !run.is_score()
            && self.status.is_none_or(|status| run.state() == status)
            && self.name.as_ref().is_none_or(|name| name.is_match(&run.name))
            && self.group.as_ref().is_none_or(|group| run.group.as_ref() == Some(group))
            && self.longer_than.is_none_or(|least| run.duration() >= least)
            && self.period.contains(run.start_time())
    }

    /// Returns whether a text begins with a filter.
    fn is_next(text: &str) -> bool {
        let key = text.split_once('=').map(|(key, _)| key);
        key.is_some_and(|key| Self::KEYS.contains(&key))
    }

    /// Parses filters, separated by commas.
    fn parse(text: &str) -> anyhow::Result<Self> {
        /// The filters as arguments of a program.
        #[derive(Parser)]
        #[command(no_binary_name = true)]
        struct Alone {
            #[command(flatten)]
            filter: RunFilter,
        }

        let mut terms = Vec::<String>::new();
        for piece in text.split(',').filter(|piece| !piece.is_empty()) {
            match terms.last_mut() {
                // A comma of a value.
                Some(last) if !Self::is_next(piece) => *last = format!("{last},{piece}"),
                _ => terms.push(format!("--{piece}")),
            }
        }
        let parsed = Alone::try_parse_from(terms);
        let first = |error: clap::Error| {
            let text = error.to_string();
            anyhow!("{}", text.lines().next().unwrap_or_default().trim_start_matches("error: "))
        };
        Ok(parsed.map_err(first)?.filter)
    }
}

/// A side of a comparison.
#[derive(Clone, Debug)]
pub(crate) enum Side {
    /// A run, by the beginning of its trace's id, or `last`.
    Run(String),
    /// The runs of a file, or of those that are read by default, as far as they fit the filter.
    Set { file: Option<PathBuf>, filter: RunFilter, text: String },
}

impl Side {
    /// Parses a side: ids have neither dots, nor slashes, nor colons.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        if text != "-" && !text.contains(['.', '/', '\\', ':']) {
            return Ok(Self::Run(text.to_owned()));
        }
        let mut colons = text.match_indices(':').map(|(at, _)| at);
        let begin = colons.find(|at| RunFilter::is_next(&text[at + 1..]));
        let (file, filter) = begin.map_or((text, ""), |at| (&text[..at], &text[at + 1..]));
        if file.starts_with(':') {
            bail!("expected one of {} after `:`", RunFilter::KEYS.join("=, ") + "=");
        }
        let (file, filter) = ((!file.is_empty()).then(|| file.into()), RunFilter::parse(filter)?);
        Ok(Self::Set { file, filter, text: text.to_owned() })
    }
}

/// Limits of the time in which a span or a run started.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Period {
    /// Only what started since: `2h`, `3days`, or a time such as `2026-01-01T12:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<SystemTime>,
    /// Only what started before.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<SystemTime>,
}

impl Period {
    pub(crate) fn contains(&self, start: SystemTime) -> bool {
        self.since.is_none_or(|since| start >= since)
            && self.until.is_none_or(|until| start < until)
    }
}

pub(super) fn duration(text: &str) -> anyhow::Result<Duration> {
    if let Some(seconds) = text.strip_suffix('s').and_then(|number| number.parse::<f64>().ok()) {
        return Ok(Duration::try_from_secs_f64(seconds)?);
    }
    match humantime::parse_duration(text) {
        Ok(duration) => Ok(duration),
        Err(_) => bail!("expected a duration such as `200ms`, `1.5s` or `2min`"),
    }
}

/// Returns a parser of a number of results, at least 1.
pub(super) fn positive() -> impl TypedValueParser<Value = usize> {
    RangedU64ValueParser::new().range(1..)
}

/// Parses the key of an attribute, optionally with its value.
pub(super) fn attribute(text: &str) -> anyhow::Result<(String, Option<String>)> {
    let (key, value) = text.split_once('=').map_or((text, None), |(key, value)| (key, Some(value)));
    if key.is_empty() {
        bail!("expected the key of an attribute, such as `tool.name`, or `tool.name=search`");
    }
    Ok((key.to_owned(), value.map(str::to_owned)))
}

/// Parses a ratio of the larger value to the smaller one, at least 1.
pub(super) fn ratio(text: &str) -> anyhow::Result<f64> {
    match text.parse::<f64>() {
        Ok(ratio) if ratio >= 1.0 => Ok(ratio),
        _ => bail!("expected a number of 1 or more, such as `1.5`"),
    }
}

pub(super) fn finite(text: &str) -> anyhow::Result<f64> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => bail!("expected a number such as `0.9`"),
    }
}

/// Parses a time, or a duration before now.
fn time(text: &str) -> anyhow::Result<SystemTime> {
    // A date alone is its first moment.
    for whole in [text, &format!("{text}T00:00:00Z")] {
        if let Ok(time) = humantime::parse_rfc3339_weak(whole) {
            return Ok(time);
        }
    }
    let ago = humantime::parse_duration(text).ok();
    match ago.and_then(|ago| SystemTime::now().checked_sub(ago)) {
        Some(time) => Ok(time),
        None => bail!(
            "expected a duration before now such as `2h`, or a time such as `2026-01-01T12:00:00Z`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> (Option<PathBuf>, RunFilter) {
        match Side::parse(text).unwrap() {
            Side::Set { file, filter, .. } => (file, filter),
            Side::Run(id) => panic!("a run: {id}"),
        }
    }

    #[test]
    fn a_side_is_a_run_or_a_file_with_filters() {
        assert!(matches!(Side::parse("1a"), Ok(Side::Run(id)) if id == "1a"));
        let (file, filter) = set("a:b.jsonl:name=x{1,2},since=2026-01-02T10:00:00Z");
        assert_eq!(file, Some("a:b.jsonl".into()));
        assert_eq!(filter.name.unwrap().as_str(), "x{1,2}");
        assert!(filter.period.since.is_some());
        assert_eq!(set(":status=error").0, None);
        assert_eq!(set("./runs").0, Some("./runs".into()));
        let wrong = |text: &str| Side::parse(text).unwrap_err().to_string();
        let expected =
            "expected one of status=, name=, group=, longer-than=, since=, until= after `:`";
        assert_eq!(wrong(":color=red"), expected);
        assert!(wrong("t.jsonl:status=bad").starts_with("invalid value 'bad' for '--status"));
    }
}
