//! The format of trace files: one JSON object a line.

use std::{fs, io, path::Path};

use raaf_trace_model::span::Record;

use super::{Fault, ReadSpans};

/// Reads a file that the `file` sink wrote; see [`json_lines`].
///
/// # Errors
///
/// Returns an error if the file cannot be read at all.
pub fn file(path: impl AsRef<Path>) -> io::Result<ReadSpans> {
    fs::read(path).map(json_lines)
}

/// Reads spans in the format of trace files, which `docs/file-format.md` describes.
///
/// Lines that cannot be read, and one at the end without a line feed, become
/// [faults](ReadSpans::faults); lines of another type than `span` are skipped. Floats that are not
/// finite stay the strings that the format has for them.
pub fn json_lines(text: impl AsRef<[u8]>) -> ReadSpans {
    let (mut spans, mut faults) = (Vec::new(), Vec::new());
    for (line, number) in text.as_ref().split_inclusive(|byte| *byte == b'\n').zip(1..) {
        let mut fault = |reason| faults.push(Fault { what: "line", number, reason });
        let Some((b'\n', line)) = line.split_last() else {
            fault("it does not end in a line feed".to_owned());
            continue;
        };
        match Record::parse(line) {
            Ok(record) => spans.extend(record.and_then(Record::into_span)),
            Err(error) => fault(error.to_string()),
        }
    }
    ReadSpans::new(spans, faults)
}
