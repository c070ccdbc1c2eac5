//! A snapshot as text: the tree, with each span's attributes below it.

use std::fmt::{self, Formatter, Write as _};

use raaf_trace_model::span::{FinishedSpan, Status};

use super::{Snapshot, entry::Entry};
use crate::tree::{label, quoted};

pub(super) fn write(f: &mut Formatter<'_>, snapshot: &Snapshot) -> fmt::Result {
    let entries = snapshot.entries();
    let last = last_siblings(&entries);
    // Of each span around: whether it has no later sibling.
    let mut around: Vec<bool> = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let Some(span) = snapshot.span(entry) else { continue };
        around.truncate(entry.depth);
        // Roots stand at the margin, and draw no line to each other.
        let mut margin: String =
            around.iter().skip(1).map(|last| if *last { "    " } else { "│   " }).collect();
        f.write_str(&margin)?;
        if entry.depth > 0 {
            f.write_str(if last[place] { "└── " } else { "├── " })?;
            margin.push_str(if last[place] { "    " } else { "│   " });
        }
        let inside = entries.get(place + 1).is_some_and(|next| next.depth > entry.depth);
        margin.push_str(if inside { "│     " } else { "      " });
        line(f, snapshot, entry, span)?;
        details(f, snapshot, entry, span, &margin)?;
        around.push(last[place]);
    }
    Ok(())
}

fn line(
    f: &mut Formatter<'_>,
    snapshot: &Snapshot,
    entry: &Entry,
    span: &FinishedSpan,
) -> fmt::Result {
    if snapshot.options.ids {
        write!(f, "s{} ", entry.id)?;
    }
    f.write_str(&label(span.kind().as_str(), span.component_name(), span.method()))?;
    match (span.status(), span.error()) {
        (Status::Ok, None) => {}
        (status, None) => write!(f, " [{status}]")?,
        (status, Some(error)) => {
            write!(f, " [{status} {}", error.kind().escape_debug())?;
            if let Some(message) = error.message() {
                write!(f, ": {}", quoted(message))?;
            }
            f.write_char(']')?;
        }
    }
    if snapshot.options.times {
        write!(f, " (+{:?}, {:?})", entry.start, span.duration())?;
    }
    if let (Some(trace), true) = (entry.trace, entry.parent.is_none()) {
        write!(f, " in t{trace}")?;
    }
    f.write_char('\n')
}

fn details(
    f: &mut Formatter<'_>,
    snapshot: &Snapshot,
    entry: &Entry,
    span: &FinishedSpan,
    margin: &str,
) -> fmt::Result {
    let mut say = |key: &str, value: &str| writeln!(f, "{margin}{key} = {value}");
    if snapshot.options.names {
        say("name", &quoted(&span.name()))?;
    }
    if span.is_local_root() {
        let info = span.trace();
        for (key, value) in [("workflow", info.workflow_name()), ("group", info.group_id())] {
            if let Some(value) = value {
                say(key, &quoted(value))?;
            }
        }
        for (key, value) in &entry.metadata {
            say(&format!("metadata {}", shown(key)), &value.text())?;
        }
    }
    if let Some(sources) = span.error().and_then(|error| error.sources()) {
        say("caused by", &sources.to_string())?;
    }
    for (key, value) in &entry.attributes {
        say(&shown(key), &value.text())?;
    }
    for (name, attributes) in &entry.events {
        write!(f, "{margin}event {}", shown(name))?;
        for (number, (key, value)) in attributes.iter().enumerate() {
            let before = if number == 0 { ": " } else { ", " };
            write!(f, "{before}{} = {}", shown(key), value.text())?;
        }
        f.write_char('\n')?;
    }
    Ok(())
}

/// A key as it is, unless that could be mistaken.
fn shown(key: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "._-/*@ ".contains(letter);
    if !key.is_empty() && key.chars().all(plain) { key.to_owned() } else { quoted(key) }
}

/// Marks the entries without a later sibling.
fn last_siblings(entries: &[Entry]) -> Vec<bool> {
    let mut last = vec![true; entries.len()];
    let mut later: Vec<bool> = Vec::new();
    for (entry, last) in entries.iter().zip(&mut last).rev() {
        later.truncate(entry.depth + 1);
        later.resize(entry.depth + 1, false);
        *last = !std::mem::replace(&mut later[entry.depth], true);
    }
    last
}
