//! Contexts that stay current between two calls, without a scope.

use std::{
    mem,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use triomphe::{Arc, UniqueArc};

use crate::{
    base::sync::lock,
    context::{Context, current::Current, flow},
};

/// An attached context, and the context that was current before.
///
/// The current context refers to its attachment, so both move together: into scopes that begin
/// inside it, and with a task from thread to thread. An attachment that was detached while not on
/// top is skipped when it comes to the top.
#[derive(Debug)]
pub(crate) struct Attachment {
    detached: AtomicBool,
    outer: Mutex<Current>,
}

/// Contexts that an end of an attachment has removed, to be dropped while nothing is borrowed: the
/// last handle of a span can run user code.
#[derive(Default)]
pub(super) struct Ended {
    /// The attached context, if it was current.
    top: Option<Current>,
    _others: Vec<Current>,
    /// The attachment, to be used again.
    pub(super) spare: Option<UniqueArc<Attachment>>,
}

impl Context {
    /// Makes this context current until it is [detached](AttachToken::detach), for bridges from
    /// other tracing libraries, which report "entered" and "left" as two calls.
    ///
    /// Application code should use [`run`](Self::run) and
    /// [`in_context`](crate::InContext::in_context), which cannot be misordered: a context that is
    /// attached in a future and held over an await moves with a future that carries a context, but
    /// otherwise stays in the thread.
    ///
    /// An attachment ends with the scope around it: when the enclosing traced call or `run`
    /// returns, the previous context is current again.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{current_span, tracer};
    ///
    /// let span = tracer().start_span("entered elsewhere");
    /// let token = span.context().attach();
    /// assert_eq!(current_span().map(|span| span.span_id()), span.span_id());
    /// token.detach();
    /// assert!(current_span().is_none());
    /// ```
    pub fn attach(self) -> AttachToken {
        AttachToken { attachment: flow::attach(self.into_current()) }
    }
}

/// Token that ends an [attached](Context::attach) context. Dropping it does nothing: the context
/// stays current.
#[derive(Debug)]
#[must_use = "an attached context is current until its token is detached"]
pub struct AttachToken {
    attachment: Arc<Attachment>,
}

impl AttachToken {
    /// Ends the attachment and restores the previous context.
    ///
    /// Tokens can be detached in any order and on any thread. The last attachment that is not
    /// detached is current. If called on another thread than the one where the context is current,
    /// the attachment ends there before the next span starts.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{current_span, tracer};
    ///
    /// # use raaf_trace_core::{MemoryExporter, TracerProvider};
    /// # let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
    /// # provider.run(|| {
    /// let (outer, inner) = (tracer().start_span("outer"), tracer().start_span("inner"));
    /// let outer_token = outer.context().attach();
    /// let inner_token = inner.context().attach();
    /// outer_token.detach(); // out of order: `inner` stays current
    /// assert_eq!(current_span().map(|span| span.span_id()), inner.span_id());
    /// inner_token.detach();
    /// assert!(current_span().is_none());
    /// # });
    /// ```
    pub fn detach(self) {
        drop(flow::detach(self.attachment));
    }

    /// Ends the attachment like [`detach`](Self::detach). If it was the innermost one of this thread,
    /// sets the end of its span, too, like [`ManualSpan::mark_end`](crate::call::ManualSpan::mark_end), and
    /// returns `true`.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::tracer;
    ///
    /// let span = tracer().start_span("entered elsewhere");
    /// let token = span.context().attach();
    /// if !token.detach_marking_end() {
    ///     span.mark_end();
    /// }
    /// ```
    #[must_use]
    pub fn detach_marking_end(self) -> bool {
        let ended = flow::detach(self.attachment);
        let record = ended.top.as_ref().and_then(|left| left.innermost.local());
        record.inspect(|record| record.mark_end()).is_some()
    }
}

impl Attachment {
    pub(super) fn new() -> UniqueArc<Self> {
        let outer = Mutex::new(Current::NOTHING);
        UniqueArc::new(Self { detached: AtomicBool::new(false), outer })
    }

    /// Makes `inner` current in place of `current`, attached by `own`.
    #[inline]
    pub(super) fn begin(
        mut own: UniqueArc<Self>,
        mut inner: Current,
        current: &mut Current,
    ) -> Arc<Self> {
        mem::swap(own.outer.get_mut().unwrap_or_else(PoisonError::into_inner), current);
        let own = own.shareable();
        inner.attached = Some(Arc::clone(&own));
        *current = inner;
        own
    }

    /// Takes a context off.
    #[inline]
    pub(super) fn end(own: Arc<Self>, current: &mut Current) -> Ended {
        if !current.attached.as_ref().is_some_and(|top| Arc::ptr_eq(top, &own)) {
            own.detached.store(true, Ordering::Release);
            return Ended { top: None, _others: prune_all(current), spare: None };
        }
        current.attached = None;
        let (outer, spare) = match Arc::try_unique(own) {
            Ok(mut own) => {
                let outer = own.outer.get_mut().unwrap_or_else(PoisonError::into_inner);
                (mem::take(outer), Some(own))
            }
            // A scope inside it still has to end.
            Err(own) => {
                own.detached.store(true, Ordering::Release);
                (lock(&own.outer).clone(), None)
            }
        };
        let top = Some(mem::replace(current, outer));
        let others = if current.is_detached() { prune_all(current) } else { Vec::new() };
        Ended { top, _others: others, spare }
    }

    #[inline]
    pub(super) fn is_detached(&self) -> bool {
        self.detached.load(Ordering::Acquire)
    }
}

/// Replaces a detached context by the previous one. Returns what was replaced.
pub(super) fn prune(current: &mut Current) -> Option<Current> {
    let mut first = None;
    while let Some(attached) = &current.attached
        && attached.is_detached()
    {
        let outer = lock(&attached.outer).clone();
        let left = mem::replace(current, outer);
        // The first one keeps all that follow alive.
        first.get_or_insert(left);
    }
    first
}

/// Removes all detached contexts from the chain of attachments. Returns what was replaced.
fn prune_all(current: &mut Current) -> Vec<Current> {
    let mut left: Vec<_> = prune(current).into_iter().collect();
    let mut next = current.attached.clone();
    while let Some(attached) = next {
        let mut outer = lock(&attached.outer);
        left.extend(prune(&mut outer));
        let deeper = outer.attached.clone();
        drop(outer);
        next = deeper;
    }
    left
}

/// Returns the context of the scope around all attachments.
pub(super) fn without_attachments(mut current: Current) -> Current {
    while let Some(attached) = &current.attached {
        let outer = lock(&attached.outer).clone();
        current = outer;
    }
    current
}

impl Drop for Attachment {
    /// Drops the chain in a loop: it can be deeper than the stack.
    fn drop(&mut self) {
        let take = |attachment: &mut Self| {
            let outer = attachment.outer.get_mut().unwrap_or_else(PoisonError::into_inner);
            outer.attached.take()
        };
        let mut next = take(self);
        while let Some(Ok(mut attachment)) = next.map(Arc::try_unique) {
            next = take(&mut attachment);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    fn attached() -> usize {
        let mut next = flow::current().attached;
        let chain = iter::from_fn(|| {
            let attached = next.take()?;
            next = lock(&attached.outer).attached.clone();
            Some(attached)
        });
        chain.count()
    }

    #[test]
    fn attachments_that_overlap_in_a_row_are_let_go() {
        let mut held = Context::empty().attach();
        for _ in 0..100 {
            let next = Context::empty().attach();
            assert_eq!(attached(), 2);
            mem::replace(&mut held, next).detach();
            assert_eq!(attached(), 1);
        }
        held.detach();
        assert_eq!(attached(), 0);
    }
}
