//! How a file sink is to be.

use std::{path::PathBuf, sync::Mutex};

use raaf_trace_core::{
    BatchConfig, Environment, SettingsError, diagnostics::Repeated, registry::SinkConfig,
};

use super::{FileSink, FileSinkWithStarts, rotate::Rotation};

/// When what was written is brought to the disk, and not only to the operating system.
///
/// A program that ends, however it ends, loses nothing that was written. This is about a machine
/// that stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileSync {
    /// When the operating system sees fit, which is within half a minute on most.
    #[default]
    Never,
    /// At each flush, and at the shutdown.
    OnFlush,
    /// Before a batch counts as delivered. Each batch waits for the disk.
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

/// Makes a [`FileSink`]; see [`FileSink::builder`].
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

    /// The size in bytes that a file does not grow beyond; as large as it gets unless set. A batch
    /// that would exceed it goes to a new file, and the full one becomes `traces.jsonl.1`. Batches
    /// are never divided: one that is larger than this has a file of its own.
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = Some(bytes);
        self
    }

    /// How many full files are kept beside the one that is written to;
    /// [`DEFAULT_KEEP`](FileSink::DEFAULT_KEEP) unless set. With 0, a full file is deleted.
    pub fn keep(mut self, files: u32) -> Self {
        self.keep = files;
        self
    }

    /// When what was written is brought to the disk; [`FileSync::Never`] unless set.
    pub fn sync(mut self, sync: FileSync) -> Self {
        self.sync = sync;
        self
    }

    /// The sink, for [`Builder::exporter`](raaf_trace_core::Builder::exporter).
    pub fn build(self) -> FileSink {
        let failures = Repeated::new();
        let rotation =
            Rotation { max_size: self.max_size, keep: self.keep, failures: Repeated::new() };
        FileSink {
            path: self.path,
            rotation,
            sync: self.sync,
            file: Mutex::new(None),
            spare: Mutex::default(),
            failures,
        }
    }

    /// The same with a record of each start, for
    /// [`Builder::processor`](raaf_trace_core::Builder::processor). `config` is for both: finished
    /// spans are batched by it, and as many starts may wait.
    pub fn build_with_starts(self, config: BatchConfig) -> FileSinkWithStarts {
        FileSinkWithStarts::new(self.build(), config)
    }
}

/// The path, from `RAAF_TRACE_FILE`.
fn path(config: &SinkConfig<'_>) -> Result<PathBuf, SettingsError> {
    let path = config.environment().read("RAAF_TRACE_FILE", "a path", |text| {
        Some(PathBuf::from(text)).filter(|path| !path.as_os_str().is_empty())
    })?;
    Ok(path.unwrap_or_else(|| PathBuf::from(FileSink::DEFAULT_PATH)))
}

/// What the environment asks for, and whether starts are to be recorded.
pub(super) fn from_settings(
    config: &SinkConfig<'_>,
) -> Result<(FileSinkBuilder, bool), SettingsError> {
    let mut builder = FileSinkBuilder::new(path(config)?);
    let environment: &Environment = config.environment();
    let bytes = "bytes as a whole number of at least 1, or with k, M or G behind it";
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

/// A number of bytes, `64M` for 64 times 1024 times 1024.
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
