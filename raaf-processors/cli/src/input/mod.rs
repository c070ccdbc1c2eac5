//! Trace files: which ones, how they are compressed, and what their lines say.

mod end;
mod facts;
mod follow;
mod line;
mod progress;
mod scan;

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use flate2::bufread::MultiGzDecoder;
use raaf_processors::read;
use raaf_trace_model::prices::PriceTable;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

pub(crate) use end::End;
pub(crate) use facts::{Facts, Tokens};
pub(crate) use follow::{Followed, PAUSE};
pub(crate) use line::Line;
use progress::Progress;
pub(crate) use scan::{Faults, Scan};

/// Suffix of the names of indices, which are stored beside their files.
pub(crate) const INDEX: &str = ".raaf-index";

/// Length limit of a line, in bytes.
const MAX_LINE: u64 = 64 * 1024 * 1024;

/// The files of a command.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    sources: Vec<Source>,
    prices: PriceTable,
}

/// A place that lines are read from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Standard input, which can be read once.
    Stdin,
    /// A file that has what standard input had.
    Spooled(Arc<File>),
    /// A file that can be read from any position.
    Plain(PathBuf),
    Compressed(PathBuf),
}

/// Number of bytes by which a compressed file is known.
const MAGIC: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// Returns the compression of a text that begins so.
    fn of(first: &[u8]) -> Option<Self> {
        match first {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd] => Some(Self::Zstd),
            _ => None,
        }
    }
}

impl Input {
    /// Finds the files that paths name: `-` is standard input, and a file has its rotated parts with
    /// it unless `alone`. A file that is named twice, such as by itself and as a rotated part, is read
    /// once. Indices among several files are left out.
    ///
    /// # Errors
    ///
    /// If a file does not exist or cannot be opened.
    pub(crate) fn find(paths: &[PathBuf], alone: bool) -> anyhow::Result<Self> {
        let (mut sources, mut known) = (Vec::new(), HashSet::new());
        for path in paths {
            if path.as_os_str() == "-" {
                if known.insert(path.clone()) {
                    sources.push(Source::Stdin);
                }
                continue;
            }
            let shown = path.display();
            if path.to_string_lossy().ends_with(INDEX) {
                if paths.len() > 1 {
                    continue;
                }
                bail!("`{shown}` is the index of a trace file; pass the trace file");
            }
            let files = if alone { vec![path.clone()] } else { parts(path) };
            if files.is_empty() {
                bail!(
                    "there is no file `{shown}`; RAAF_TRACE_FILE names the one that a program writes"
                );
            }
            for file in files {
                if !known.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
                    continue;
                }
                let source = Source::of(file.clone());
                sources.push(source.with_context(|| format!("cannot read `{}`", file.display()))?);
            }
        }
        Ok(Self { sources, prices: PriceTable::built_in() })
    }

    /// Makes standard input readable more than once, by a temporary file without a name.
    ///
    /// # Errors
    ///
    /// If standard input cannot be read or the file cannot be written.
    pub(crate) fn rereadable(mut self) -> anyhow::Result<Self> {
        for source in &mut self.sources {
            if let Source::Stdin = source {
                let mut copy = tempfile::tempfile().context("cannot keep standard input")?;
                io::copy(&mut io::stdin(), &mut copy).context("cannot keep standard input")?;
                *source = Source::Spooled(Arc::new(copy));
            }
        }
        Ok(self)
    }

    /// Sets the prices by which model calls without a cost have one.
    pub(crate) fn with_prices(self, prices: PriceTable) -> Self {
        Self { prices, ..self }
    }

    pub(crate) fn prices(&self) -> &PriceTable {
        &self.prices
    }

    /// Returns the path if this is one file that can be followed.
    pub(crate) fn single(&self) -> Option<&Path> {
        match &self.sources[..] {
            [Source::Plain(path)] => Some(path),
            _ => None,
        }
    }

    /// Returns an input for each source.
    pub(crate) fn each(&self) -> impl Iterator<Item = Self> {
        let prices = &self.prices;
        let each = self.sources.iter();
        each.map(|source| Self { sources: vec![source.clone()], prices: prices.clone() })
    }

    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }
}

/// Returns a file with its rotated parts, oldest first; the path itself if that cannot be found out.
fn parts(path: &Path) -> Vec<PathBuf> {
    read::files(path).unwrap_or_else(|_| vec![path.to_owned()])
}

impl Source {
    /// Looks at the first bytes of a file.
    fn of(path: PathBuf) -> io::Result<Self> {
        let mut file = File::open(&path)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::other("it is a directory"));
        }
        let mut first = Vec::new();
        (&mut file).take(MAGIC as u64).read_to_end(&mut first)?;
        let is_seekable = file.seek(SeekFrom::Start(0)).is_ok();
        Ok(match Compression::of(&first) {
            Some(_) => Self::Compressed(path),
            None if is_seekable => Self::Plain(path),
            None => {
                return Err(io::Error::other("it cannot be read twice; pass it as `-`, by a pipe"));
            }
        })
    }

    /// Returns the name to show.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin | Self::Spooled(_) => "standard input".to_owned(),
            Self::Plain(path) | Self::Compressed(path) => path.display().to_string(),
        }
    }

    /// Returns a reader of the source, decompressed.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub(crate) fn reader(&self) -> io::Result<impl BufRead + Send + use<>> {
        self.open(&Progress::new(0, true))
    }

    /// Returns the number of bytes to read, before they are decompressed; 0 if it is unknown.
    fn length(&self) -> u64 {
        let metadata = match self {
            Self::Stdin => return 0,
            Self::Spooled(file) => file.metadata(),
            Self::Plain(path) | Self::Compressed(path) => path.metadata(),
        };
        metadata.map_or(0, |file| file.len())
    }

    /// Opens the source to be read from its beginning.
    fn open(&self, progress: &Progress) -> io::Result<Box<dyn BufRead + Send>> {
        match self {
            Self::Stdin => decoded(io::stdin()),
            Self::Spooled(file) => {
                let mut file = file.try_clone()?;
                file.seek(SeekFrom::Start(0))?;
                decoded(progress.counting(file))
            }
            Self::Plain(path) => Ok(Box::new(buffered(progress.counting(File::open(path)?)))),
            Self::Compressed(path) => decoded(progress.counting(File::open(path)?)),
        }
    }
}

fn buffered<R: Read>(text: R) -> BufReader<R> {
    BufReader::with_capacity(64 * 1024, text)
}

/// Returns a text decompressed, if it is compressed.
fn decoded(text: impl Read + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    let mut text = buffered(text);
    let mut first = Vec::new();
    (&mut text).take(MAGIC as u64).read_to_end(&mut first)?;
    let compression = Compression::of(&first);
    let text = Cursor::new(first).chain(text);
    Ok(match compression {
        None => Box::new(text),
        Some(Compression::Gzip) => Box::new(buffered(MultiGzDecoder::new(text))),
        Some(Compression::Zstd) => Box::new(buffered(Frames { between: Some(text), frame: None })),
    })
}

/// All frames of a zstd file, one after the other.
struct Frames<R: BufRead> {
    /// The text between two frames.
    between: Option<R>,
    frame: Option<StreamingDecoder<R, FrameDecoder>>,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(mut frame) = self.frame.take() {
                let read = frame.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    self.frame = Some(frame);
                    return Ok(read);
                }
                self.between = Some(frame.into_inner());
            }
            let Some(mut text) = self.between.take() else { return Ok(0) };
            if text.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.frame = Some(StreamingDecoder::new(text).map_err(io::Error::other)?);
        }
    }
}
