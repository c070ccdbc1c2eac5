//! Collector of the finished spans of all tools.

mod json;

use std::{
    fmt,
    hint::black_box,
    io::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

/// An attribute's value, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// Text.
    Str(&'a str),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// True or false.
    Bool(bool),
}

/// A finished span of any tool, as the collector reads it.
pub trait Delivered {
    /// The trace's id.
    fn trace_id(&self) -> u128;
    /// The span's id.
    fn span_id(&self) -> u64;
    /// The parent's id; 0 for a root.
    fn parent_id(&self) -> u64;
    /// Hands over the name, which some tools make only now.
    fn with_name<R>(&self, read: impl FnOnce(&str) -> R) -> R;
    /// Returns its start.
    fn start(&self) -> SystemTime;
    /// Returns its duration.
    fn duration(&self) -> Duration;
    /// Hands over the attributes, one by one.
    fn each_attribute(&self, read: impl FnMut(&str, Scalar<'_>));
}

/// Counts finished spans, and reads all of each; writes each as a line of JSON, if it is to. Clones
/// are the same collector.
#[derive(Clone)]
pub struct Collector {
    inner: Arc<Inner>,
}

struct Inner {
    delivered: AtomicU64,
    /// Output of lines; `None` if spans are only read.
    out: Option<Mutex<Box<dyn Write + Send>>>,
}

impl Collector {
    /// One that reads, counts and drops.
    pub fn counting() -> Self {
        Self::make(None)
    }

    /// One that also writes each span as a line of JSON.
    pub fn writing(out: impl Write + Send + 'static) -> Self {
        Self::make(Some(Mutex::new(Box::new(out))))
    }

    fn make(out: Option<Mutex<Box<dyn Write + Send>>>) -> Self {
        Self { inner: Arc::new(Inner { delivered: AtomicU64::new(0), out }) }
    }

    /// Returns the number of spans received so far.
    pub fn delivered(&self) -> u64 {
        self.inner.delivered.load(Ordering::SeqCst)
    }

    /// Takes finished spans.
    pub fn take<D: Delivered>(&self, spans: impl IntoIterator<Item = D>) {
        let count = match &self.inner.out {
            None => spans.into_iter().map(|span| read(&span)).count(),
            Some(out) => {
                let (lines, count) = json::lines(spans);
                let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
                // What cannot be written is lost.
                out.write_all(&lines).map_or(0, |()| count)
            }
        };
        self.inner.delivered.fetch_add(count as u64, Ordering::SeqCst);
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("delivered", &self.delivered()).finish_non_exhaustive()
    }
}

/// Reads all of a span.
fn read<D: Delivered>(span: &D) {
    black_box((span.trace_id(), span.span_id(), span.parent_id()));
    black_box((span.start(), span.duration()));
    span.with_name(|name| {
        black_box(name);
    });
    span.each_attribute(|key, value| {
        black_box((key, value));
    });
}
