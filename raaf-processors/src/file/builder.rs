//! Builder for [`FileSink`].

use std::{path::PathBuf, sync::Mutex};

use raaf_trace_core::{
    diagnostics::{Repeated, at_least},
    sink::PerProcess,
};
use raaf_trace_model::{
    environment::{Environment, SettingsError},
    sink::BatchConfig,
};

use super::{FileSink, FileSinkWithStarts, claim::Claim, directory, rotate::Rotation};

/// Time at which written lines are synced from the operating system to the disk.
///
/// Written lines survive any end of the program. This setting protects against a crash of the
/// machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileSync {
    /// Leaves syncing to the operating system, which takes up to 30 seconds on most systems.
    #[default]
    Never,
    /// Syncs at each flush and at the shutdown.
    OnFlush,
    /// Syncs each batch before it counts as delivered, so that each batch waits for the disk.
    EveryBatch,
}

impl FileSync {
    const EXPECTED: &str = "one of never, flush, batch";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "never" => Some(Self::Never),
            "flush" => Some(Self::OnFlush),
            "batch" => Some(Self::EveryBatch),
            _ => None,
        }
    }
}

/// Builder for [`FileSink`]; see [`FileSink::builder`].
///
/// # Examples
///
/// ```
/// use raaf_processors::{FileSink, FileSync};
/// use raaf_trace_core::TracerProvider;
///
/// let directory = tempfile::tempdir()?;
/// let sink = FileSink::builder(directory.path().join("traces.jsonl"))
///     .max_size(64 * 1024 * 1024)
///     .keep(10)
///     .sync(FileSync::OnFlush)
///     .build();
/// let provider = TracerProvider::builder().with(sink).build();
/// # let _ = provider;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct FileSinkBuilder {
    path: PathBuf,
    max_size: Option<u64>,
    keep: u32,
    sync: FileSync,
}

impl FileSinkBuilder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, max_size: None, keep: FileSink::DEFAULT_KEEP, sync: FileSync::default() }
    }

    /// Sets the size in bytes at which the file is rotated, at least 1; 0 is reported and becomes 1. A batch that would exceed it goes to a
    /// new file, and the full one becomes `traces.jsonl.1`. Batches are never divided: one that is
    /// larger than this has a file of its own. Default: no limit.
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = Some(at_least("FileSinkBuilder::max_size", bytes, 1));
        self
    }

    /// Sets how many rotated files are kept beside the current one. With 0, a full file is deleted.
    /// Default: [`DEFAULT_KEEP`](FileSink::DEFAULT_KEEP).
    pub fn keep(mut self, files: u32) -> Self {
        self.keep = files;
        self
    }

    /// Sets when written lines are synced to the disk. Default: [`FileSync::Never`].
    pub fn sync(mut self, sync: FileSync) -> Self {
        self.sync = sync;
        self
    }

    /// Builds the sink, for [`TracerProviderBuilder::with`](raaf_trace_core::TracerProviderBuilder::with).
    pub fn build(self) -> FileSink {
        let failures = Repeated::new();
        let claim = Claim::new(&self.path);
        let rotation =
            Rotation { max_size: self.max_size, keep: self.keep, failures: Repeated::new() };
        FileSink {
            path: self.path,
            rotation,
            sync: self.sync,
            file: PerProcess::default(),
            claim,
            spare: Mutex::default(),
            failures,
        }
    }

    /// Builds the sink with a record of each start, for
    /// [`TracerProviderBuilder::with`](raaf_trace_core::TracerProviderBuilder::with). `config` applies to both: it
    /// sets the batching of finished spans and how many starts may wait.
    pub fn build_with_starts(self, config: BatchConfig) -> FileSinkWithStarts {
        FileSinkWithStarts::new(self.build(), config)
    }
}

const PATH: &str = "RAAF_TRACE_FILE";

/// Reads the path.
fn path(environment: &Environment) -> Result<PathBuf, SettingsError> {
    let path = environment.read(PATH, "a path", |text| {
        Some(PathBuf::from(text)).filter(|path| !path.as_os_str().is_empty())
    })?;
    Ok(path.unwrap_or_else(|| PathBuf::from(FileSink::DEFAULT_PATH)))
}

/// Reads the builder and the setting for start records from the environment.
pub(super) fn from_settings(
    environment: &Environment,
) -> Result<(FileSinkBuilder, bool), SettingsError> {
    let mut builder = FileSinkBuilder::new(path(environment)?);
    let bytes = "a whole number of bytes of at least 1, optionally followed by k, M or G";
    builder.max_size = environment.read("RAAF_TRACE_FILE_MAX_SIZE", bytes, size)?;
    let files = "a whole number from 0 to 4294967295";
    if let Some(keep) = environment.read("RAAF_TRACE_FILE_KEEP", files, |text| text.parse().ok())? {
        builder.keep = keep;
    }
    if let Some(sync) =
        environment.read("RAAF_TRACE_FILE_SYNC", FileSync::EXPECTED, FileSync::parse)?
    {
        builder.sync = sync;
    }
    let starts = environment.flag("RAAF_TRACE_FILE_STARTS")?.unwrap_or(false);
    Ok((builder, starts))
}

/// Checks that the path names no directory, and a file in an existing one.
pub(super) fn check_path(environment: &Environment) -> Result<(), SettingsError> {
    let path = path(environment)?;
    let expected = if path.is_dir() {
        "the path of a file, not of a directory"
    } else if !directory(&path).is_dir() {
        "a path in an existing directory"
    } else {
        return Ok(());
    };
    Err(SettingsError::invalid(PATH, &path.to_string_lossy(), expected))
}

/// Parses a number of bytes; `64M` is 64 × 1024 × 1024.
fn size(text: &str) -> Option<u64> {
    let units = [('k', 10), ('K', 10), ('M', 20), ('G', 30)];
    let unit = units.into_iter().find_map(|(unit, bits)| Some((text.strip_suffix(unit)?, bits)));
    let (digits, bits) = unit.unwrap_or((text, 0));
    let number: u64 = digits.parse().ok()?;
    number.checked_mul(1 << bits).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        for (text, bytes) in
            [("1", 1), ("4096", 4096), ("2k", 2048), ("1M", 1 << 20), ("3G", 3 << 30)]
        {
            assert_eq!(size(text), Some(bytes));
        }
        for text in ["", "0", "0M", "M", "-1", "1.5M", "1 M", "1MB", "99999999999G"] {
            assert_eq!(size(text), None, "{text}");
        }
    }
}
