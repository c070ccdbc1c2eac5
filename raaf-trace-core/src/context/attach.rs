//! Contexts that stay current between two calls, without a scope.

use std::{
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

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
        let outer = Mutex::new(Current::default());
        let attachment = Arc::new(Attachment { detached: AtomicBool::new(false), outer });
        let mut inner = self.into_current();
        inner.change_rest(|rest| rest.attached = Some(Arc::clone(&attachment)));
        let left = flow::replace(inner);
        *lock(&attachment.outer) = left;
        AttachToken { attachment }
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
        self.attachment.detached.store(true, Ordering::Release);
        let _left = flow::prune(prune_all);
    }
}

impl Attachment {
    fn is_detached(&self) -> bool {
        self.detached.load(Ordering::Acquire)
    }
}

/// Replaces a detached context by the previous one. Returns what was replaced.
pub(super) fn prune(current: &mut Current) -> Option<Current> {
    let mut first = None;
    while let Some(attached) = current.attached()
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
    let mut next = current.attached().cloned();
    while let Some(attached) = next {
        let mut outer = lock(&attached.outer);
        left.extend(prune(&mut outer));
        let deeper = outer.attached().cloned();
        drop(outer);
        next = deeper;
    }
    left
}

/// Returns the context of the scope around all attachments.
pub(super) fn without_attachments(mut current: Current) -> Current {
    while let Some(attached) = current.attached() {
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
            outer.change_rest(|rest| rest.attached.take())
        };
        let mut next = take(self);
        while let Some(mut attachment) = next.and_then(Arc::into_inner) {
            next = take(&mut attachment);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    fn attached() -> usize {
        let mut next = flow::current().attached().cloned();
        let chain = iter::from_fn(|| {
            let attached = next.take()?;
            next = lock(&attached.outer).attached().cloned();
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
