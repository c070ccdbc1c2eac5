//! Sinks of this program that write to one file, of which each span is written once.

use std::{
    collections::{HashMap, VecDeque},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use raaf_trace_core::{
    diagnostics::{self, Category},
    sink::PerProcess,
};
use raaf_trace_model::id::{SpanId, TraceId};

use super::directory;

/// Largest number of records of a file that are remembered, more than the queues of two sinks hold
/// by default.
const REMEMBERED: usize = 32_768;

/// Files that sinks of this program write to.
static FILES: Mutex<Vec<(PathBuf, Weak<Shared>)>> = Mutex::new(Vec::new());

/// Record in a file: the start or the end of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct RecordKey {
    trace: TraceId,
    span: SpanId,
    is_start: bool,
}

impl RecordKey {
    pub(super) fn start(trace: TraceId, span: SpanId) -> Self {
        Self { trace, span, is_start: true }
    }

    pub(super) fn end(trace: TraceId, span: SpanId) -> Self {
        Self { trace, span, is_start: false }
    }
}

/// A sink's share in a file.
#[derive(Debug)]
pub(super) struct Claim {
    file: Arc<Shared>,
    /// Number of the sink among those of the file.
    number: u64,
}

/// State shared by the sinks of one file.
#[derive(Debug, Default)]
struct Shared {
    sinks: AtomicU64,
    is_reported: AtomicBool,
    /// Per process, because another thread may hold it at a fork.
    written: PerProcess<Mutex<Written>>,
}

/// Latest records, and the sinks that wrote them.
#[derive(Debug, Default)]
pub(super) struct Written {
    by: HashMap<RecordKey, u64>,
    order: VecDeque<RecordKey>,
}

impl Claim {
    /// Registers a sink as a writer of the file, which need not exist.
    pub(super) fn new(path: &Path) -> Self {
        let path = resolved(path);
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        files.retain(|(_, file)| file.strong_count() > 0);
        let known = files.iter().find(|(known, _)| *known == path || are_links(known, &path));
        let file = known.and_then(|(_, file)| file.upgrade()).unwrap_or_default();
        files.push((path, Arc::downgrade(&file)));
        let number = file.sinks.fetch_add(1, Ordering::Relaxed);
        Self { file, number }
    }

    /// Returns the records that sinks of the file wrote, if there is another sink; reports the first
    /// time that there is. While it is held, no other sink writes.
    pub(super) fn shared(&self, path: &Path) -> Option<MutexGuard<'_, Written>> {
        // A sink leaves when it is dropped.
        if Arc::strong_count(&self.file) == 1 {
            return None;
        }
        if !self.file.is_reported.swap(true, Ordering::Relaxed) {
            let path = path.display();
            let text = format_args!(
                "two file sinks write to `{path}`, which has each span once all the same; remove \
                 one of them, or give it another path"
            );
            diagnostics::warn(Category::Export, text);
        }
        let written = self.file.written.get(|_| Mutex::default());
        Some(written.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns whether another sink of the file wrote the record.
    pub(super) fn is_elsewhere(&self, written: &Written, record: RecordKey) -> bool {
        written.by.get(&record).is_some_and(|sink| *sink != self.number)
    }

    /// Remembers that this sink wrote the record, unless another one did.
    pub(super) fn wrote(&self, written: &mut Written, record: RecordKey) {
        if written.by.contains_key(&record) {
            return;
        }
        written.by.insert(record, self.number);
        written.order.push_back(record);
        if written.order.len() > REMEMBERED
            && let Some(oldest) = written.order.pop_front()
        {
            written.by.remove(&oldest);
        }
    }
}

/// Maximum number of links in a path, as on Linux.
const MOST_LINKS: usize = 40;

/// Returns the path without links, as far as it exists. A link may point to a file that does not exist yet.
fn resolved(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Ok(there) = fs::canonicalize(&path) {
            return there;
        }
        let Ok(target) = fs::read_link(&path) else { break };
        path = directory(&path).join(target);
    }
    let name = path.file_name().unwrap_or_default();
    fs::canonicalize(directory(&path)).map_or_else(|_| path.clone(), |there| there.join(name))
}

/// Returns whether both paths are links to the same file.
#[cfg(unix)]
fn are_links(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let file = |path: &Path| fs::metadata(path).ok().filter(fs::Metadata::is_file);
    let ids = |file: fs::Metadata| (file.dev(), file.ino());
    file(one).map(ids).is_some_and(|one| file(other).map(ids) == Some(one))
}

#[cfg(not(unix))]
fn are_links(_: &Path, _: &Path) -> bool {
    false
}
