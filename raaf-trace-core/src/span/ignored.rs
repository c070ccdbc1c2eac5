//! Reports of attributes that were ignored because their keys are reserved.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::atomic::{AtomicU64, Ordering},
};

use raaf_trace_model::attributes::{Attributes, Key};

use crate::diagnostics::{self, Category};

/// Keys that were reported, as bits. Of two keys that share a bit, one is not reported.
static REPORTED: [AtomicU64; 16] = [const { AtomicU64::new(0) }; 16];

/// Reserved keys that were set on a span; as a rule none.
pub(super) struct Ignored(Option<Vec<Key>>);

impl Ignored {
    #[inline]
    pub(super) fn of(attributes: &Attributes) -> Self {
        Self((attributes.losses().reserved_ignored > 0).then(|| copied(attributes)))
    }

    /// Reports each key once.
    #[inline]
    pub(super) fn report(self) {
        if let Some(keys) = self.0 {
            report_new(&keys);
        }
    }
}

#[cold]
fn copied(attributes: &Attributes) -> Vec<Key> {
    attributes.ignored_keys().cloned().collect()
}

#[cold]
fn report_new(keys: &[Key]) {
    for key in keys {
        let mut hasher = DefaultHasher::new();
        key.as_str().hash(&mut hasher);
        let hash = hasher.finish();
        let (word, bit) = (&REPORTED[(hash >> 60) as usize], 1 << (hash & 63));
        if word.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
            diagnostics::warn(
                Category::Tracing,
                format_args!(
                    "ignored the attribute `{key}`: `component.*`, `success`, `duration_ms` and \
                     `error.*` are set by the library; use another key"
                ),
            );
        }
    }
}
