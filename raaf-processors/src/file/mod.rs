//! Finished spans as JSON lines in a file.

mod append;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use raaf_trace_core::{
    ExportError, FinishedSpan, Overflow, SettingsError, SpanExporter,
    diagnostics::{self, Category, Repeated},
    registry::{Sink, SinkRegistration},
};

use crate::json::SpanJson;
use append::AppendFile;

/// A guess at a span's line, to reserve room for a batch at once.
const LINE: usize = 512;

raaf_trace_core::submit! {
    SinkRegistration::new("file", |config| {
        let sink = match &config.settings().file {
            None => FileSink::new(FileSink::DEFAULT_PATH),
            Some(path) if path.as_os_str().is_empty() => {
                return Err(SettingsError::invalid("RAAF_TRACE_FILE", "", "a path").into());
            }
            Some(path) => FileSink::new(path),
        };
        Ok(Sink::exporter(sink))
    })
}

/// Appends each finished span to a file as one line of JSON.
///
/// The file is opened, and made if there is none, when the first span arrives. Lines are appended
/// whole: several threads, several sinks and several processes may write to one file.
///
/// # Guarantees
///
/// A batch is written whole or, when it cannot be, taken back; a batch that was written stays
/// written when the program is killed. It is in the hands of the operating system then, which may
/// not have brought it to the disk yet. What a killed program left of an unfinished line is closed with a line
/// feed by the next one that opens the file, so that only this line cannot be read. A file that is
/// deleted while the program runs is made again by the next batch (on Unix).
///
/// # Costs
///
/// Spans become JSON on the worker, or on the threads that help when spans come faster than one
/// worker can write; the file's lock is held for the writing alone.
///
/// # When things go wrong
///
/// A full disk is tried again; a missing directory or a lacking permission is not. In either case
/// the spans are counted, `last_error` and the flush name the path and the reason, and a warning
/// goes to standard error. Directories are not made: a mistyped path should not grow a tree.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use raaf_processors::FileSink;
/// use raaf_trace_core::{TracerProvider, tracer};
///
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("traces.jsonl");
/// let provider = TracerProvider::builder().exporter(FileSink::new(&path)).build();
///
/// provider.tracer().start_span("work").finish();
/// provider.shutdown(Duration::from_secs(5))?;
///
/// assert!(std::fs::read_to_string(&path)?.contains(r#""name":"work""#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FileSink {
    path: PathBuf,
    file: Mutex<Option<AppendFile>>,
    failures: Repeated,
}

impl FileSink {
    /// Where the sink writes when it is asked for by name and `RAAF_TRACE_FILE` is not set: in the
    /// working directory.
    pub const DEFAULT_PATH: &str = "traces.jsonl";

    /// A sink that appends to the file at `path`, relative to the working directory at the time
    /// of the first span.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), file: Mutex::new(None), failures: Repeated::new() }
    }

    /// Where it writes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn append(&self, lines: &[u8]) -> io::Result<()> {
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = match slot.take() {
            Some(file) if !file.is_deleted() => file,
            _ => AppendFile::open(&self.path)?,
        };
        // Only a file that took everything is used again: another try begins with a fresh look.
        file.append(lines)?;
        *slot = Some(file);
        Ok(())
    }

    fn failed(&self, what: &str, error: &io::Error) -> ExportError {
        let path = self.path.display();
        let message = match error.kind() {
            io::ErrorKind::NotFound => {
                format!("cannot {what} `{path}`: its directory does not exist")
            }
            _ => format!("cannot {what} `{path}`: {error}"),
        };
        if let Some(count) = self.failures.happened() {
            let text = format_args!("the file sink {message} (failure {count})");
            diagnostics::warn(Category::Tracing, text);
        }
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                ExportError::retryable(message)
            }
            _ => ExportError::permanent(message),
        }
    }
}

impl SpanExporter for FileSink {
    fn name(&self) -> &'static str {
        "file"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        let mut lines = Vec::with_capacity(batch.len() * LINE);
        for span in batch {
            SpanJson::new(span).append_line(&mut lines).map_err(|error| {
                ExportError::permanent(format!("a span cannot be written as JSON: {error}"))
            })?;
        }
        self.append(&lines).map_err(|error| self.failed("write to", &error))
    }

    fn force_flush(&self) -> Result<(), ExportError> {
        let slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            Some(file) => file.flush().map_err(|error| self.failed("flush", &error)),
            None => Ok(()),
        }
    }

    fn shutdown(&self) -> Result<(), ExportError> {
        let flushed = self.force_flush();
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = None;
        flushed
    }

    fn overflow(&self) -> Overflow {
        Overflow::Help
    }
}
