//! File sink: finished spans as JSON lines.

mod append;
mod builder;
mod claim;
pub mod read;
mod rotate;
mod starts;

use std::{
    fmt, io, iter,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use raaf_trace_core::{
    diagnostics::{self, Category, Repeated},
    sink::PerProcess,
};
use raaf_trace_model::{
    sink::{
        ExportError, Overflow, SpanExporter,
        registry::{Sink, SinkRegistration},
    },
    span::{FinishedSpan, append_line},
};

use append::{AppendFile, Appended};
use claim::{Claim, RecordKey};
use rotate::Rotation;

pub use builder::{FileSinkBuilder, FileSync};
pub use starts::FileSinkWithStarts;

/// Estimated length of a line, to reserve memory for a batch at once.
const LINE: usize = 512;

/// Largest buffer that is kept for the next batch.
const MAX_SPARE: usize = 1024 * 1024;

/// Number of times the path may name another file once its lock is held, before that is an error.
const TRIES: usize = 100;

/// Shortest and longest pause between attempts to get a lock that another program holds.
const PAUSES: RangeInclusive<Duration> = Duration::from_micros(50)..=Duration::from_millis(10);

raaf_trace_model::submit! {
    SinkRegistration::new("file", |config| {
        let (sink, starts) = builder::from_settings(config.environment())?;
        builder::check_path(config.environment())?;
        if !starts {
            return Ok(Sink::exporter(sink.build()));
        }
        Ok(Sink::processor(sink.build_with_starts(config.batch().clone())))
    })
    .check_with(|environment| builder::from_settings(environment).map(drop))
    .enabled_by_value("RAAF_TRACE_FILE")
    .variables(&[
        "RAAF_TRACE_FILE_MAX_SIZE",
        "RAAF_TRACE_FILE_KEEP",
        "RAAF_TRACE_FILE_SYNC",
        "RAAF_TRACE_FILE_STARTS",
    ])
}

/// Appends each finished span to a file as one line of JSON.
///
/// The file is opened, and created if necessary, when the first span arrives. On Unix, a new file
/// can be read by its owner only; one that exists keeps its permissions. Lines are appended
/// whole: several threads, sinks and processes may write to one file, and rotate it.
/// [`TraceReader`](read::TraceReader) reads it back; `docs/file-format.md` describes the format.
///
/// # Guarantees
///
/// A batch is written whole or, if that fails, removed again. A written batch survives the end of
/// the program, also when it is killed. It is then in the operating system's cache, which may not
/// have reached the disk; [`FileSinkBuilder::sync`] can force that. The next writer closes a line
/// that a killed program left unfinished, so that only this line is unreadable. A file that is
/// deleted or moved while the program runs is created again by the next batch (on Unix).
///
/// With [`FileSinkBuilder::max_size`], a full file becomes `traces.jsonl.1`, the previous one
/// `traces.jsonl.2`, and so on up to [`FileSinkBuilder::keep`]. Batches, and therefore lines, are
/// never divided.
///
/// # Several writers
///
/// A writer holds the advisory lock of the file ([`File::lock`](std::fs::File::lock)) while it
/// appends or rotates, and first checks that the path still names its open file. Writers that
/// rotate therefore need no separate lock file. There are two limits: the check works only on Unix,
/// so elsewhere only one process should rotate; and on file systems without locks (some network
/// ones), only a single appending write keeps lines whole, and two processes may both rotate.
///
/// # Cost
///
/// The worker encodes spans as JSON and writes them. Traced threads do no I/O: where spans arrive
/// faster than the worker can write, they wait for it, at most
/// [`max_wait`](raaf_trace_model::sink::BatchConfig::max_wait) and, if the disk hangs, once.
///
/// # Failures
///
/// A write to a disk that is full, read-only or unavailable is retried; a missing directory or permission
/// is not. In either case, spans that are not written are counted, `last_error` and the flush name the path
/// and the reason, and a warning goes to standard error. Directories are not created, because a mistyped
/// path should be an error; a missing one in `RAAF_TRACE_FILE` is an error of `init`. A file that cannot be
/// rotated keeps growing, with a warning.
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
/// let provider = TracerProvider::builder().with(FileSink::new(&path)).build();
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
    rotation: Rotation,
    sync: FileSync,
    /// Per process, because parent and child share the advisory lock of a file that was opened
    /// before a fork.
    file: PerProcess<Mutex<Option<AppendFile>>>,
    /// Made when the sink is, so that the first batch is written once too.
    claim: Claim,
    /// Number of bytes that the last batch needed.
    spare: Mutex<Vec<u8>>,
    failures: Repeated,
}

impl FileSink {
    /// Path used if the sink is chosen by name and `RAAF_TRACE_FILE` is not set. Relative to the
    /// working directory.
    pub const DEFAULT_PATH: &str = "traces.jsonl";

    /// Default number of rotated files to keep.
    pub const DEFAULT_KEEP: u32 = 5;

    /// Creates a sink that appends to the file at `path`, relative to the working directory at the
    /// time of the first span.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::builder(path).build()
    }

    /// Returns a builder, with settings for rotation, syncing and start records.
    pub fn builder(path: impl Into<PathBuf>) -> FileSinkBuilder {
        FileSinkBuilder::new(path.into())
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes lines, and maps I/O errors to export errors.
    fn file(&self) -> MutexGuard<'_, Option<AppendFile>> {
        let file = self.file.get(|_| Mutex::default());
        file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the records that no other sink of this program wrote to the file. `append` encodes the
    /// one of that index.
    fn write_new<E: fmt::Display>(
        &self,
        records: impl ExactSizeIterator<Item = RecordKey> + Clone,
        append: impl Fn(usize, &mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), ExportError> {
        let mut shared = self.claim.shared(&self.path);
        let mut lines =
            std::mem::take(&mut *self.spare.lock().unwrap_or_else(PoisonError::into_inner));
        lines.clear();
        lines.reserve(records.len() * LINE);
        for (index, record) in records.clone().enumerate() {
            let is_elsewhere =
                shared.as_ref().is_some_and(|written| self.claim.is_elsewhere(written, record));
            if !is_elsewhere {
                append(index, &mut lines).map_err(|error| {
                    ExportError::permanent(format!("a span cannot be encoded as JSON: {error}"))
                })?;
            }
        }
        let result = if lines.is_empty() { Ok(()) } else { self.write(&lines) };
        if let Some(written) = shared.as_mut().filter(|_| result.is_ok()) {
            records.for_each(|record| self.claim.wrote(written, record));
        }
        if lines.capacity() <= MAX_SPARE {
            *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = lines;
        }
        result
    }

    fn write(&self, lines: &[u8]) -> Result<(), ExportError> {
        self.append(lines).map_err(|error| self.failed("write to", &error))
    }

    fn append(&self, lines: &[u8]) -> io::Result<()> {
        let mut pauses = pauses();
        let mut tries = 0;
        while tries < TRIES {
            let mut slot = self.file();
            let mut file = match slot.take() {
                Some(file) => file,
                None => AppendFile::open(&self.path)?,
            };
            // The file is reused only after a complete write; a retry opens the path again.
            let appended = file.append(&self.path, lines, &self.rotation)?;
            if appended == Appended::Locked {
                *slot = Some(file);
                drop(slot);
                thread::sleep(pauses.next().unwrap_or_default());
                continue;
            }
            tries += 1;
            let is_here = appended == Appended::Here;
            if self.sync == FileSync::EveryBatch || (!is_here && self.sync == FileSync::OnFlush) {
                file.sync()?;
            }
            if is_here {
                *slot = Some(file);
                return Ok(());
            }
        }
        Err(busy("other programs keep replacing the file"))
    }

    fn failed(&self, what: &str, error: &io::Error) -> ExportError {
        let path = self.path.display();
        let message = match error.kind() {
            io::ErrorKind::NotFound => format!("cannot {what} `{path}`: {}", missing(&self.path)),
            _ => format!("cannot {what} `{path}`: {error}"),
        };
        if let Some(count) = self.failures.happened() {
            let text = format_args!("the file sink {message} (failure {count})");
            diagnostics::warn(Category::Export, text);
        }
        if is_passing(error) {
            ExportError::retryable(message)
        } else {
            ExportError::permanent(message)
        }
    }
}

/// Returns the reason why the system cannot find the path of the file.
fn missing(path: &Path) -> &'static str {
    let is_link = path.symlink_metadata().is_ok_and(|there| there.is_symlink());
    match directory(path).is_dir() {
        true if is_link => "it is a link to a file in a directory that does not exist",
        true => "no files can be created in its directory",
        false => "its directory does not exist",
    }
}

/// Returns the directory of the file.
fn directory(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Returns whether a retry can help: the disk is full, read-only or unavailable for a while, or the
/// program has too many open files.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    let by_kind = matches!(
        error.kind(),
        Kind::StorageFull
            | Kind::QuotaExceeded
            | Kind::ResourceBusy
            | Kind::ReadOnlyFilesystem
            | Kind::StaleNetworkFileHandle
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::NotConnected
            | Kind::TimedOut
            | Kind::WouldBlock
            | Kind::OutOfMemory
    );
    by_kind || cfg!(unix) && matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

/// Returns the pauses between attempts to get a lock that another program holds, which may be long.
fn pauses() -> impl Iterator<Item = Duration> {
    iter::successors(Some(*PAUSES.start()), |pause| Some((2 * *pause).min(*PAUSES.end())))
}

/// A transient error.
fn busy(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, reason)
}

impl SpanExporter for FileSink {
    fn name(&self) -> &'static str {
        "file"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        let ends = batch.iter().map(|span| RecordKey::end(span.trace_id(), span.span_id()));
        self.write_new(ends, |index, lines| append_line(&batch[index], lines))
    }

    fn force_flush(&self) -> Result<(), ExportError> {
        let slot = self.file();
        match &*slot {
            Some(file) if self.sync == FileSync::OnFlush => {
                file.sync().map_err(|error| self.failed("sync", &error))
            }
            _ => Ok(()),
        }
    }

    fn shutdown(&self) -> Result<(), ExportError> {
        let flushed = self.force_flush();
        *self.file() = None;
        flushed
    }

    fn overflow(&self) -> Overflow {
        Overflow::Wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_held_for_long_is_looked_at_rarely() {
        let second = Duration::from_secs(1);
        let in_a_second = pauses().scan(Duration::ZERO, |sum, pause| {
            *sum += pause;
            (*sum <= second).then_some(*sum)
        });
        assert!(in_a_second.count() <= 110);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_passes_is_tried_again() {
        // ENOSPC, EROFS, ESTALE, EMFILE, EDQUOT, ETIMEDOUT; EPERM, ENOENT, EACCES, ENOTDIR, EISDIR.
        let passing = [28, 30, 116, 24, 122, 110].map(|code| (code, true));
        let lasting = [1, 2, 13, 20, 21].map(|code| (code, false));
        let sink = FileSink::new("x");
        for (code, passes) in passing.into_iter().chain(lasting) {
            let error = sink.failed("write to", &io::Error::from_raw_os_error(code));
            assert_eq!(error.is_retryable(), passes, "{error}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_place_without_files_is_told_from_a_missing_one() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("missing/x", &link).unwrap();
        for (path, reason) in [
            (Path::new("/proc/x.jsonl"), "no files can be created in its directory"),
            (&link, "it is a link to a file in a directory that does not exist"),
            (&directory.path().join("missing/x"), "its directory does not exist"),
        ] {
            let error = FileSink::new(path).write(b"{}\n").unwrap_err();
            let expected = format!("cannot write to `{}`: {reason}", path.display());
            assert_eq!(error.to_string(), expected);
        }
    }
}
