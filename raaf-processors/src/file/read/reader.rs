//! Reads trace files line by line.

use std::{
    collections::HashSet,
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::{Path, PathBuf},
    vec,
};

use raaf_trace_model::{
    escape::Escaped,
    span::{LineError, Record, traces},
};

use super::Trace;
use crate::file::rotate;

/// Reads the records of trace files, one by one, in the order in which they were written.
///
/// At most one line is in memory, and of that no more than [`max_line`](Self::max_line). A line
/// that cannot be read yields an error, and reading continues with the next line. Records of
/// unknown types are skipped.
///
/// A file may be read while it is written. A file that is rotated meanwhile is read to its end; the
/// new file is not read.
///
/// # Examples
///
/// ```
/// use raaf_processors::read::{Record, TraceReader};
///
/// let text = concat!(
///     r#"{"v":2,"type":"span_start","trace_id":"trace_0af7651916cd43dd8448eb211c80319c","#,
///     r#""span_id":"span_b7ad6b7169203331","parent_id":null,"local_root":true,"#,
///     r#""started_at":"2026-01-01T00:00:00.001500Z","kind":"tool","component":"Search","#,
///     r#""method":"run","workflow_name":null,"group_id":null,"name":"run.workflow.tool.Search"}"#,
///     "\nwhat a killed program left",
/// );
/// let mut records = TraceReader::new(text.as_bytes());
/// assert!(matches!(records.next(), Some(Ok(Record::Start(start))) if start.name().contains("Search")));
/// assert_eq!(
///     records.next().unwrap().unwrap_err().to_string(),
///     "line 2 (byte 313): it does not end in a line feed",
/// );
/// assert!(records.next().is_none());
/// ```
pub struct TraceReader {
    current: Option<Source>,
    rest: vec::IntoIter<Source>,
    max_line: usize,
    line: Vec<u8>,
}

/// Input with its position.
struct Source {
    text: Box<dyn BufRead + Send>,
    path: Option<PathBuf>,
    lines: u64,
    bytes: u64,
}

/// Returns the existing files of a sink that [rotates](crate::FileSinkBuilder::max_size), oldest first:
/// `path.2`, `path.1`, `path`.
///
/// # Errors
///
/// If the directory cannot be read.
pub fn files(path: impl AsRef<Path>) -> io::Result<Vec<PathBuf>> {
    rotate::all_files(path.as_ref())
}

impl TraceReader {
    /// Default length limit of a line, in bytes.
    pub const DEFAULT_MAX_LINE: usize = 64 * 1024 * 1024;

    /// Creates a reader of `text`.
    pub fn new(text: impl BufRead + Send + 'static) -> Self {
        Self::of(vec![Source { text: Box::new(text), path: None, lines: 0, bytes: 0 }])
    }

    /// Opens one file.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let file = File::open(&path)?;
        Ok(Self::of(vec![Source::file(path, file)]))
    }

    /// Opens the files of a sink that [rotates](crate::FileSinkBuilder::max_size): `path.2`,
    /// `path.1`, `path`, as far as they exist. All of them are opened at once, so later rotations
    /// have no effect.
    ///
    /// # Errors
    ///
    /// If the directory cannot be read, a file cannot be opened, or there is no file.
    pub fn open_rotated(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut sources = Vec::new();
        // Newest first: a file that is renamed in between is found twice, rather than missed.
        let mut met = HashSet::new();
        for path in rotate::all_files(path.as_ref())?.into_iter().rev() {
            match File::open(&path) {
                Ok(file) if is_new(&file, &mut met)? => sources.push(Source::file(path, file)),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        if sources.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        sources.reverse();
        Ok(Self::of(sources))
    }

    fn of(sources: Vec<Source>) -> Self {
        let (current, rest) = (None, sources.into_iter());
        Self { current, rest, max_line: Self::DEFAULT_MAX_LINE, line: Vec::new() }
    }

    /// Sets the longest line that is read, in bytes. Longer ones are
    /// [faults](LineFault::TooLong).
    #[must_use]
    pub fn max_line(mut self, bytes: usize) -> Self {
        self.max_line = bytes;
        self
    }

    /// Returns the remaining records as trees, one for each trace, in the order of each trace's
    /// first record, and the errors. Holds all of them in memory.
    pub fn traces(self) -> (Vec<Trace>, Vec<ReadError>) {
        let mut errors = Vec::new();
        let records = self.filter_map(|record| record.map_err(|error| errors.push(error)).ok());
        (traces(records), errors)
    }

    /// Reads the next line: its record, if its type is known; `None` at the end.
    fn next_line(&mut self, source: &mut Source) -> io::Result<Option<ReadLine>> {
        self.line.clear();
        let limit = (self.max_line as u64).saturating_add(1);
        let read = (&mut source.text).take(limit).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        let (line, offset) = (source.lines + 1, source.bytes);
        (source.lines, source.bytes) = (line, offset + read as u64);
        let record = if *self.line == *b"\n" {
            // A writer that cannot read the file closes a line that may have an end.
            Ok(None)
        } else if self.line.pop_if(|byte| *byte == b'\n').is_some() {
            Record::parse(&self.line).map_err(LineFault::from)
        } else if self.line.len() > self.max_line {
            source.skip_line()?;
            Err(LineFault::TooLong { limit: self.max_line })
        } else {
            Err(LineFault::Unfinished)
        };
        let at = |fault| ReadError::Line { path: source.path.clone(), line, offset, fault };
        Ok(Some(record.map_err(at)))
    }
}

/// Parses a line; `None` if its type is unknown.
type ReadLine = Result<Option<Record>, ReadError>;

/// Returns true if the file has not been seen before, as far as the system can tell.
#[cfg(unix)]
fn is_new(file: &File, met: &mut HashSet<(u64, u64)>) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let file = file.metadata()?;
    Ok(met.insert((file.dev(), file.ino())))
}

#[cfg(not(unix))]
fn is_new(_: &File, _: &mut HashSet<(u64, u64)>) -> io::Result<bool> {
    Ok(true)
}

impl Source {
    fn file(path: PathBuf, file: File) -> Self {
        let text = Box::new(BufReader::with_capacity(64 * 1024, file));
        Self { text, path: Some(path), lines: 0, bytes: 0 }
    }

    /// Skips to the end of the line, or of the input.
    fn skip_line(&mut self) -> io::Result<()> {
        self.bytes += self.text.skip_until(b'\n')? as u64;
        Ok(())
    }
}

impl Iterator for TraceReader {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut source = self.current.take().or_else(|| self.rest.next())?;
            let read = match self.next_line(&mut source) {
                Ok(None) => continue,
                Ok(Some(read)) => read,
                Err(error) => return Some(Err(ReadError::Io { path: source.path, source: error })),
            };
            self.current = Some(source);
            if let Some(record) = read.transpose() {
                return Some(record);
            }
        }
    }
}

impl fmt::Debug for TraceReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceReader").field("max_line", &self.max_line).finish_non_exhaustive()
    }
}

/// Error of reading a trace file, with its position.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// A line cannot be parsed. Reading continues with the next line.
    #[error("{}line {line} (byte {offset}): {fault}", shown(path.as_deref()))]
    Line {
        /// Path of the file, if it was opened by path.
        path: Option<PathBuf>,
        /// Number of the line, counted from 1.
        line: u64,
        /// Byte offset of the line in the file, counted from 0.
        offset: u64,
        /// The fault of the line.
        fault: LineFault,
    },
    /// Reading a file failed. Reading continues with the next file.
    #[error("{}{source}", shown(path.as_deref()))]
    Io {
        /// Path of the file, if it was opened by path.
        path: Option<PathBuf>,
        /// Error of the operating system.
        source: io::Error,
    },
}

fn shown(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| format!("{}: ", Escaped(path.display())))
}

/// Reason why a line cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineFault {
    /// The last line has no line feed: it is being written, or the program was killed while writing
    /// it.
    #[error("it does not end in a line feed")]
    Unfinished,
    /// The line is longer than [`max_line`](TraceReader::max_line).
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// Limit in bytes.
        limit: usize,
    },
    /// The line is not a valid record.
    #[error(transparent)]
    Invalid(#[from] LineError),
}
