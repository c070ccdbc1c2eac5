//! The line format, version 2: a span as one JSON object.
//!
//! `docs/file-format.md` in the repository describes every field.

mod append;
mod json;
mod read;
mod write;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{FinishedSpan, Record};
use crate::attributes::AttributeLosses;
use append::Line;

/// Version of the line format, in the field `v` of every object. It changes when a field is removed
/// or changes its meaning, not when one is added. Lines of [`OLDEST_VERSION`] and later are read.
pub const FORMAT_VERSION: u32 = 2;

/// Oldest version of the line format that is read.
pub const OLDEST_VERSION: u32 = 1;

/// Appends a finished or a started span as a JSON object and a line feed to `buffer`. The object
/// is the one that the span serialises to, and is written several times faster.
///
/// # Errors
///
/// Returns an error if serialisation fails, which never happens for spans. The buffer is unchanged
/// then.
pub fn append_line(span: &impl Line, buffer: &mut Vec<u8>) -> serde_json::Result<()> {
    let start = buffer.len();
    let written = span.append(buffer);
    match written {
        Ok(()) => buffer.push(b'\n'),
        Err(_) => buffer.truncate(start),
    }
    written
}

/// Error of parsing a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// The line is not UTF-8.
    #[error("not valid UTF-8 after byte {valid_up_to}")]
    NotUtf8 {
        /// Number of valid bytes at the start of the line.
        valid_up_to: usize,
    },
    /// The line is not JSON, or not the JSON of a record, for example the partial line of a killed
    /// program that a later one closed with a line feed.
    #[error("{message} (column {column})")]
    Malformed {
        /// Description of the fault.
        message: String,
        /// Position of the fault in bytes, from 1; 0 for the line as a whole.
        column: usize,
    },
    /// The line has an unknown version of the format.
    #[error("unsupported format version {version}; expected {OLDEST_VERSION} to {FORMAT_VERSION}")]
    UnknownVersion {
        /// Version of the line.
        version: u32,
    },
}

impl Record {
    /// Parses a line without its line feed; `None` for a record of an unknown type.
    ///
    /// # Errors
    ///
    /// Returns an error if the line is not a record of a version that is [read](OLDEST_VERSION).
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::span::{FinishedSpan, Record, append_line};
    ///
    /// let span = FinishedSpan::builder("agent", "Planner").build();
    /// let mut line = Vec::new();
    /// append_line(&span, &mut line)?;
    ///
    /// let Some(Record::Span(read)) = Record::parse(line.trim_ascii_end())? else { unreachable!() };
    /// assert_eq!(read.span_id(), span.span_id());
    /// assert_eq!(read.component_name(), "Planner");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(line: &[u8]) -> Result<Option<Self>, LineError> {
        let line = str::from_utf8(line)
            .map_err(|error| LineError::NotUtf8 { valid_up_to: error.valid_up_to() })?;
        // A line of the current version begins in one way, which saves a pass over it.
        if line.starts_with(r#"{"v":2,"type":"span","#) {
            return object(line).map(Self::Span).map(Some);
        }
        let Prefix { v, kind } = object(line)?;
        match (&*kind, v) {
            ("span" | "span_start", version)
                if !(OLDEST_VERSION..=FORMAT_VERSION).contains(&version) =>
            {
                Err(LineError::UnknownVersion { version })
            }
            ("span", _) => object(line).map(Self::Span).map(Some),
            ("span_start", _) => object(line).map(Self::Start).map(Some),
            _ => Ok(None),
        }
    }
}

fn object<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, LineError> {
    serde_json::from_str(line).map_err(|error| {
        // The error's line number is always 1.
        let text = error.to_string();
        let message = text.split(" at line 1 column ").next().unwrap_or(&text).to_owned();
        LineError::Malformed { message, column: error.column() }
    })
}

#[derive(Deserialize)]
struct Prefix<'a> {
    v: u32,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Counts of values that were dropped at limits.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Lost {
    #[serde(skip_serializing_if = "is_zero")]
    cut_values: u32,
    #[serde(skip_serializing_if = "is_zero")]
    dropped_attributes: u32,
    #[serde(skip_serializing_if = "is_zero")]
    reserved_ignored: u32,
    #[serde(skip_serializing_if = "is_zero")]
    content_left_out: u32,
    #[serde(skip_serializing_if = "is_zero")]
    dropped_events: u32,
    #[serde(skip_serializing_if = "is_zero")]
    dropped_links: u32,
}

impl Lost {
    fn of(span: &FinishedSpan) -> Self {
        let losses = span.losses();
        Self {
            cut_values: losses.cut_values,
            dropped_attributes: losses.dropped_attributes,
            reserved_ignored: losses.reserved_ignored,
            content_left_out: losses.content_left_out,
            dropped_events: span.dropped_events(),
            dropped_links: span.dropped_links(),
        }
    }

    fn of_attributes(&self) -> AttributeLosses {
        AttributeLosses {
            cut_values: self.cut_values,
            dropped_attributes: self.dropped_attributes,
            reserved_ignored: self.reserved_ignored,
            content_left_out: self.content_left_out,
        }
    }
}
