//! A context: the innermost span, and what else running code inherits.

use std::sync::Arc;

use crate::{
    context::attach::Attachment,
    provider::{Inner, TracerProvider},
    span::record::Shared,
};
use raaf_trace_model::{
    id::TraceId,
    propagation::{Baggage, SpanContext},
};

/// The innermost span, local or remote.
#[derive(Clone, Debug, Default)]
pub(crate) enum Innermost {
    /// No span.
    #[default]
    None,
    /// A span of this process.
    Local(Shared),
    /// A span of another process, or given ids.
    Remote(Arc<SpanContext>),
}

impl Innermost {
    pub(crate) fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }

    pub(crate) fn is_local(&self) -> bool {
        self.local().is_some()
    }

    pub(crate) fn trace_id(&self) -> Option<TraceId> {
        match self {
            Self::None => None,
            Self::Local(record) => Some(record.head().trace.id()),
            Self::Remote(parent) => Some(parent.trace_id()),
        }
    }

    /// Returns whether spans within it are recorded.
    pub(crate) fn is_sampled(&self) -> bool {
        match self {
            Self::None => false,
            Self::Local(record) => record.head().trace.sampled,
            Self::Remote(parent) => parent.sampled().unwrap_or(true),
        }
    }

    pub(crate) fn local(&self) -> Option<&Shared> {
        match self {
            Self::Local(record) => Some(record),
            Self::None | Self::Remote(_) => None,
        }
    }
}

/// Provider of traces that start in a context.
#[derive(Clone, Debug)]
pub(crate) enum Home {
    /// The provider that was set explicitly.
    Named(TracerProvider),
    /// The provider of the enclosing code's traces.
    Inherited(Arc<Inner>),
}

impl Home {
    pub(super) fn inner(&self) -> &Arc<Inner> {
        match self {
            Self::Named(provider) => provider.inner(),
            Self::Inherited(provider) => provider,
        }
    }
}

/// Context of one flow of code: a thread, or a task while it is polled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Current {
    pub(crate) innermost: Innermost,
    /// `true` if the innermost span was opened in this flow, rather than captured elsewhere and
    /// passed on. Only such a span can be reused.
    pub(crate) own: bool,
    /// Attachment that made this current; `None` for a scope.
    pub(super) attached: Option<triomphe::Arc<Attachment>>,
    /// Rarely used fields; `None` if all are empty. One word, since every span replaces the context.
    rest: Option<Arc<Rest>>,
}

/// Rarely used fields of a context.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rest {
    /// Provider of traces that start here; `None` for that of the innermost span.
    pub(crate) home: Option<Home>,
    /// Baggage of the application; `None` if empty.
    pub(crate) baggage: Option<Arc<Baggage>>,
}

impl Current {
    pub(super) const NOTHING: Self =
        Self { innermost: Innermost::None, own: false, attached: None, rest: None };

    /// Creates a context from captured parts.
    pub(crate) fn new(
        innermost: Innermost,
        home: Option<Home>,
        baggage: Option<Arc<Baggage>>,
    ) -> Self {
        let rest = Rest { home, baggage };
        Self { innermost, own: false, attached: None, rest: rest.shared() }
    }

    pub(crate) fn home(&self) -> Option<&Home> {
        self.rest.as_ref()?.home.as_ref()
    }

    pub(crate) fn baggage(&self) -> Option<&Arc<Baggage>> {
        self.rest.as_ref()?.baggage.as_ref()
    }

    /// Returns whether this is attached, and was detached while it was not on top.
    #[inline]
    pub(super) fn is_detached(&self) -> bool {
        self.attached.as_ref().is_some_and(|attached| attached.is_detached())
    }

    /// Changes the rarely used fields.
    pub(crate) fn change_rest<R>(&mut self, change: impl FnOnce(&mut Rest) -> R) -> R {
        let mut rest = self.rest.take().map(Arc::unwrap_or_clone).unwrap_or_default();
        let changed = change(&mut rest);
        self.rest = rest.shared();
        changed
    }

    /// Returns the context inside a span that this flow has just opened.
    #[inline]
    pub(super) fn inside(&self, record: Shared) -> Self {
        let rest = self.rest.as_ref().and_then(Rest::inside);
        Self { innermost: Innermost::Local(record), own: true, attached: None, rest }
    }

    /// Returns the provider of a trace that starts here.
    pub(crate) fn provider(&self) -> Option<&Arc<Inner>> {
        let around = || Some(&self.innermost.local()?.head().trace.provider);
        self.home().map(Home::inner).or_else(around)
    }
}

impl Rest {
    fn shared(self) -> Option<Arc<Self>> {
        let has_any = self.home.is_some() || self.baggage.is_some();
        has_any.then(|| Arc::new(self))
    }

    /// Returns the fields that remain inside a span.
    #[cold]
    fn inside(self: &Arc<Self>) -> Option<Arc<Self>> {
        if self.home.is_none() {
            return Some(Arc::clone(self));
        }
        Self { home: None, baggage: self.baggage.clone() }.shared()
    }
}
