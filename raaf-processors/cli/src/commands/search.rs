//! `search`: spans by what they are and say.

use std::{cmp::Reverse, path::Path};

use raaf_trace_model::{
    attributes::ValueRef,
    escape::Escaped,
    keys,
    span::{FinishedSpan, Record},
};
use regex::Regex;

use super::Found;
use crate::{
    args::Search,
    format::title,
    input::{Facts, Scan},
    print::{self, Printer},
    state::{ResumedRuns, State},
};

/// Characters of a text before and behind what was found.
const AROUND: usize = 30;

/// A span that was found, with where.
struct Hit {
    record: Record,
    found: Option<String>,
}

/// The newest spans that were found, and the number of all.
#[derive(Default)]
struct Hits {
    newest: Vec<Hit>,
    count: usize,
    resumed: ResumedRuns,
}

impl Hits {
    fn add(&mut self, hit: Hit, most: usize) {
        self.newest.push(hit);
        self.count += 1;
        if self.newest.len() >= most.saturating_add(500).saturating_mul(2) {
            self.sort(most);
        }
    }

    /// Keeps the newest ones, newest first.
    fn sort(&mut self, most: usize) {
        self.newest.sort_by_key(|hit| (Reverse(hit.record.start_time()), hit.record.span_id()));
        self.newest.truncate(most);
    }
}

pub(super) fn run(search: &Search, printer: &mut Printer) -> anyhow::Result<Found> {
    if let Some(pattern) = &search.pattern
        && !search.files.are_named()
        && Path::new(pattern.as_str()).is_file()
    {
        let name = Escaped(pattern.as_str());
        printer.note(format!(
            "raaf: `{name}` is the pattern here; to search that file for all, pass `. {name}`"
        ));
    }
    let input = search.files.input()?;
    // Costs take time, and only a few spans are shown.
    let by_cost = search.attributes.iter().any(|(key, _)| key == keys::GEN_AI_USAGE_COST);
    let (parts, faults) = Scan::of(&input).lines(Hits::default, |hits, line| {
        let Some(facts) = Facts::read(line)? else { return Ok(()) };
        hits.resumed.add(&facts);
        let fits = facts.start.is_some_and(|start| search.period.contains(start.into()))
            && search.kind.as_ref().is_none_or(|kind| facts.kind == *kind)
            && search.component.as_ref().is_none_or(|name| name.is_match(&facts.component))
            && search.status.is_none_or(|state| state == State::of(facts.end))
            && search
                .longer_than
                .is_none_or(|least| facts.end.is_some_and(|end| end.duration >= least));
        if !fits {
            return Ok(());
        }
        let Some(mut record) = Record::parse(line).map_err(|error| error.to_string())? else {
            return Ok(());
        };
        if by_cost && let Record::Span(span) = &mut record {
            span.add_cost(input.prices());
        }
        let has = |(key, value): &(String, Option<String>)| {
            let own = record.ended().and_then(|span| span.attributes().get(key));
            own.is_some_and(|own| value.as_ref().is_none_or(|value| *value == own.to_string()))
        };
        if !search.attributes.iter().all(has) {
            return Ok(());
        }
        match &search.pattern {
            None => hits.add(Hit { record, found: None }, search.limit),
            Some(pattern) => {
                if let Some(found) = find(pattern, &record) {
                    hits.add(Hit { record, found: Some(found) }, search.limit);
                }
            }
        }
        Ok(())
    })?;
    let mut hits = Hits::default();
    for mut part in parts {
        hits.newest.append(&mut part.newest);
        hits.count += part.count;
        hits.resumed.merge(part.resumed);
    }
    hits.sort(search.limit);
    for hit in &mut hits.newest {
        if let Record::Span(span) = &mut hit.record {
            span.add_cost(input.prices());
        }
    }
    for hit in &hits.newest {
        let record = &hit.record;
        let went_on = hits.resumed.state_of_run(record);
        if printer.json {
            printer.record(record, went_on)?;
            continue;
        }
        let duration = record.duration().map(print::duration).unwrap_or_default();
        printer.line(format_args!(
            "{} {} {}  {} {duration}  {}",
            print::time(record.start_time()),
            &record.trace_id().hex()[..8],
            &record.span_id().hex()[..8],
            print::state(&print::states(State::of_record(record), went_on)),
            Escaped(title(record)),
        ))?;
        if let Some(found) = &hit.found {
            printer.line(format_args!("    {}", Escaped(found)))?;
        }
    }
    if !printer.json && hits.count > hits.newest.len() {
        let more = hits.count - hits.newest.len();
        printer.line(format_args!("… and {more} more; see --limit"))?;
    }
    printer.tell(&faults);
    Ok(Found::any(hits.count > 0))
}

/// Returns the first place where a pattern matches, with its name and the text around it.
fn find(pattern: &Regex, record: &Record) -> Option<String> {
    if let Some(found) = [record.component_name(), record.method(), &*record.name()]
        .into_iter()
        .find(|text| pattern.is_match(text))
    {
        return Some(found.to_owned());
    }
    let span = record.ended()?;
    let within = |name: &str, text: &str| Some(format!("{name}: {}", around(pattern, text)?));
    if let Some(found) = span.error().and_then(|error| {
        within("error", error.kind()).or_else(|| within("error", &error.with_causes()?))
    }) {
        return Some(found);
    }
    let value = |key: &str, value: ValueRef<'_>| match value {
        ValueRef::Str(text) => within(key, text),
        other => within(key, &other.to_string()),
    };
    attributes(span).find_map(|(key, of)| value(key, of))
}

/// Returns all attributes of a span and of its events.
fn attributes(span: &FinishedSpan) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
    let events = span.events().flat_map(|event| event.attributes().iter());
    span.attributes().stored().iter().chain(events)
}

fn around(pattern: &Regex, text: &str) -> Option<String> {
    let found = pattern.find(text)?;
    let begin = text[..found.start()]
        .char_indices()
        .rev()
        .take(AROUND)
        .last()
        .map_or(found.start(), |(at, _)| at);
    let end = text[found.end()..]
        .char_indices()
        .nth(AROUND)
        .map_or(text.len(), |(at, _)| found.end() + at);
    let (before, behind) =
        (if begin > 0 { "…" } else { "" }, if end < text.len() { "…" } else { "" });
    Some(format!("{before}{}{behind}", &text[begin..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_shown_around_what_was_found() {
        let text = format!("{}ü needle ü{}", "a".repeat(50), "b".repeat(50));
        let shown = around(&Regex::new("needle").unwrap(), &text).unwrap();
        assert_eq!(shown, format!("…{}ü needle ü{}…", "a".repeat(28), "b".repeat(28)));
        assert_eq!(around(&Regex::new("x").unwrap(), "y"), None);
    }
}
