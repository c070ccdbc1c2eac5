//! `errors`: grouped by type and message.

use std::{cmp::Reverse, collections::HashMap};

use raaf_trace_model::{
    id::TraceId,
    span::{Record, SpanError, Status},
    time::Timestamp,
};
use serde::Serialize;

use super::Found;
use crate::{
    args::Errors,
    input::{Facts, Scan},
    print::{self, Printer},
};

/// An error of a component: type, message, kind and component.
type Error = (String, String, String);

#[derive(Debug)]
struct Group {
    count: u64,
    latest: Timestamp,
    trace: TraceId,
}

#[derive(Serialize)]
struct Shown<'a> {
    error_type: &'a str,
    message: &'a str,
    component: &'a str,
    count: u64,
    last_at: Timestamp,
    last_trace_id: TraceId,
}

fn add(groups: &mut HashMap<Error, Group>, error: Error, new: &Group) {
    let group = groups.entry(error).or_insert(Group { count: 0, ..*new });
    group.count += new.count;
    if new.latest > group.latest {
        (group.latest, group.trace) = (new.latest, new.trace);
    }
}

pub(super) fn run(errors: &Errors, printer: &mut Printer) -> anyhow::Result<Found> {
    let input = errors.files.input()?;
    let (parts, faults) = Scan::of(&input).lines(HashMap::new, |groups, line| {
        if let Some(facts) = Facts::read(line)?
            && facts.end.is_some_and(|end| end.status == Status::Error)
            && let (Some(latest), Some(trace)) = (facts.start, facts.trace)
            && errors.period.contains(latest.into())
        {
            let record = Record::parse(line).map_err(|error| error.to_string())?;
            let error = record.as_ref().and_then(|record| record.ended()?.error());
            let kind = error.map_or("error", SpanError::kind).to_owned();
            let message = error.and_then(SpanError::with_causes).unwrap_or_default().into_owned();
            let component = format!("{} {}", facts.kind, facts.component);
            add(groups, (kind, message, component), &Group { count: 1, latest, trace });
        }
        Ok(())
    })?;
    let mut all = HashMap::new();
    for (error, group) in parts.into_iter().flatten() {
        add(&mut all, error, &group);
    }
    let mut groups: Vec<_> = all.into_iter().collect();
    groups.sort_by(|(one, a), (other, b)| {
        (Reverse(a.count), Reverse(a.latest), one).cmp(&(
            Reverse(b.count),
            Reverse(b.latest),
            other,
        ))
    });
    if printer.json {
        for ((kind, message, component), group) in &groups {
            printer.object(&Shown {
                error_type: kind,
                message,
                component,
                count: group.count,
                last_at: group.latest,
                last_trace_id: group.trace,
            })?;
        }
    } else if !groups.is_empty() {
        let head = ["COUNT", "TYPE", "MESSAGE", "COMPONENT", "LAST (UTC)", "IN TRACE"];
        let rows = groups.iter().map(|((kind, message, component), group)| {
            [
                group.count.to_string(),
                print::name(kind),
                print::name(message),
                print::name(component),
                print::time(group.latest.into()),
                group.trace.hex()[..8].to_owned(),
            ]
        });
        printer.table(head, &[0], rows)?;
    }
    printer.tell(&faults);
    Ok(Found::any(!groups.is_empty()))
}
