//! Collector of the finished spans of all tools.

use std::{
    fmt,
    hint::black_box,
    io::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Serialize, Serializer};

/// A finished span of any tool, as the collector reads it: the fields of a line of JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Finished<N, A> {
    /// The trace's id.
    pub trace: u128,
    /// The span's id.
    pub span: u64,
    /// The parent's id; 0 for a root.
    pub parent: u64,
    /// The name; some tools make it only now.
    pub name: N,
    /// Start of the span.
    #[serde(rename = "start_ns", serialize_with = "since_epoch")]
    pub start: SystemTime,
    /// Duration of the span.
    #[serde(rename = "duration_ns", serialize_with = "nanoseconds")]
    pub duration: Duration,
    /// An iterator over the attributes' keys and values.
    #[serde(serialize_with = "map", bound(serialize = "A: Attributes"))]
    pub attributes: A,
}

/// An iterator over keys and values.
pub trait Attributes: Iterator<Item = (Self::Key, Self::Value)> + Clone {
    /// A key.
    type Key: Serialize;
    /// A value.
    type Value: Serialize;
}

impl<K: Serialize, V: Serialize, I: Iterator<Item = (K, V)> + Clone> Attributes for I {
    type Key = K;
    type Value = V;
}

/// An attribute's value, for tools whose own cannot be serialized.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Scalar<S> {
    /// A string.
    Str(S),
    /// An integer.
    Int(i64),
    /// A bool.
    Bool(bool),
}

fn since_epoch<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    nanoseconds(&time.duration_since(UNIX_EPOCH).unwrap_or_default(), serializer)
}

fn nanoseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_nanos() as u64)
}

fn map<A: Attributes, S: Serializer>(attributes: &A, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(attributes.clone())
}

type Output = Mutex<Box<dyn Write + Send>>;

/// Counts finished spans, and reads all of each; writes each as a line of JSON, if it is to. Clones
/// are the same collector.
#[derive(Clone, Default)]
pub struct Collector {
    delivered: Arc<AtomicU64>,
    /// Output of lines; `None` if spans are only read.
    out: Option<Arc<Output>>,
}

impl Collector {
    /// Creates a collector that also writes each span as a line of JSON.
    pub fn writing(out: impl Write + Send + 'static) -> Self {
        Self { out: Some(Arc::new(Mutex::new(Box::new(out)))), ..Self::default() }
    }

    /// Returns the number of spans received so far.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::SeqCst)
    }

    /// Takes finished spans.
    pub fn take<N, A>(&self, spans: impl Iterator<Item = Finished<N, A>>)
    where
        N: AsRef<str> + Serialize,
        A: Attributes,
    {
        let count = match &self.out {
            None => spans.map(read).count(),
            Some(out) => {
                let mut lines = Vec::new();
                // Neither of the two fails in memory.
                let write = |span| {
                    serde_json::to_writer(&mut lines, &span).is_ok() && writeln!(lines).is_ok()
                };
                let count = spans.map(write).filter(|written| *written).count();
                let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
                // What cannot be written is lost.
                out.write_all(&lines).map_or(0, |()| count)
            }
        };
        self.delivered.fetch_add(count as u64, Ordering::SeqCst);
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("delivered", &self.delivered).finish_non_exhaustive()
    }
}

/// Reads all of a span.
fn read<N: AsRef<str>, A: Iterator>(span: Finished<N, A>) {
    black_box((span.trace, span.span, span.parent, span.start, span.duration));
    black_box(span.name.as_ref());
    span.attributes.for_each(|attribute| {
        black_box(attribute);
    });
}
