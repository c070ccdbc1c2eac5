//! The current context of running code.

use std::{
    cell::RefCell,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use triomphe::UniqueArc;

use crate::{
    component::Component,
    context::{
        attach::{self, Attachment, Ended},
        current::{Current, Home, Innermost},
        stack::{PassOn, Placed, Popped, Stack},
    },
    provider::running_trace::RunningTrace,
    span::{
        frame::Frame,
        pool::Pool,
        record::{Held, Record, Shared},
    },
};
use raaf_trace_model::{
    attributes::{Key, Value},
    id::SpanId,
    propagation::Baggage,
};

/// Returns the provider that a context without one inherits here.
pub(crate) fn home() -> Option<Home> {
    peek(|current| match current.home() {
        Some(home) => Some(home.clone()),
        None => current.provider().cloned().map(Home::Inherited),
    })
    .flatten()
}

/// A thread's context: the current one, and the frames above it.
struct Flow {
    current: Current,
    stack: Stack,
    pool: Pool,
    /// Attachments that have ended, to be used again.
    spare: Vec<UniqueArc<Attachment>>,
}

/// Maximum number of spare attachments of a thread.
const SPARE: usize = 64;

impl Flow {
    const NEW: Self = Self {
        current: Current::NOTHING,
        stack: Stack::new(),
        pool: Pool::new(),
        spare: Vec::new(),
    };

    /// Returns the context of running code, for everybody but the calls that the frames belong to.
    #[inline]
    fn settled(&mut self) -> &mut Current {
        self.stack.settle(&mut self.current, &mut self.pool);
        &mut self.current
    }
}

thread_local! {
    static FLOW: RefCell<Flow> =
        const { RefCell::new(Flow::NEW) };
}

/// Returns a copy of the current context; empty in a thread whose thread-locals are gone.
pub(crate) fn current() -> Current {
    peek(Clone::clone).unwrap_or_default()
}

/// Reads the current context without copying it. `look` must not call traced code.
#[inline]
pub(crate) fn peek<R>(look: impl FnOnce(&Current) -> R) -> Option<R> {
    let seen = FLOW.try_with(|flow| {
        let mut flow = flow.borrow_mut();
        let current = flow.settled();
        if current.is_detached() { Err(look) } else { Ok(look(current)) }
    });
    match seen.ok()? {
        Ok(seen) => Some(seen),
        Err(look) => peek_pruned(look),
    }
}

#[cold]
fn peek_pruned<R>(look: impl FnOnce(&Current) -> R) -> Option<R> {
    // Dropped at once: the last handle of a span or a provider can run user code.
    drop(prune(attach::prune));
    FLOW.try_with(|flow| look(&flow.borrow().current)).ok()
}

/// Returns the current baggage. Frames have none of their own, and are not settled for it.
pub(crate) fn baggage() -> Option<Arc<Baggage>> {
    let seen = FLOW.try_with(|flow| {
        let current = &flow.borrow().current;
        (!current.is_detached()).then(|| current.baggage().cloned())
    });
    match seen.ok()? {
        Some(baggage) => baggage,
        None => peek(|current| current.baggage().cloned()).flatten(),
    }
}

/// Removes detached contexts from the current context. `prune` returns what it replaced, which the
/// caller drops: dropping the last handle of a span can run user code.
pub(super) fn prune<R: Default>(prune: impl FnOnce(&mut Current) -> R) -> R {
    change(prune).unwrap_or_default()
}

#[inline]
fn change<R>(change: impl FnOnce(&mut Current) -> R) -> Option<R> {
    FLOW.try_with(|flow| {
        let mut flow = flow.borrow_mut();
        flow.settled();
        flow.stack.release_current();
        change(&mut flow.current)
    })
    .ok()
}

/// Makes `inner` current until it is [detached](detach).
pub(super) fn attach(inner: Current) -> triomphe::Arc<Attachment> {
    let attached = FLOW.try_with(|flow| {
        let mut flow = flow.borrow_mut();
        flow.settled();
        flow.stack.release_current();
        let Flow { current, spare, .. } = &mut *flow;
        Attachment::begin(spare.pop().unwrap_or_else(Attachment::new), inner, current)
    });
    attached.unwrap_or_else(|_| Attachment::new().shareable())
}

/// Takes an attachment off.
pub(super) fn detach(attachment: triomphe::Arc<Attachment>) -> Ended {
    let ended = FLOW.try_with(|flow| {
        let mut flow = flow.borrow_mut();
        flow.settled();
        flow.stack.release_current();
        let mut ended = Attachment::end(attachment, &mut flow.current);
        if flow.spare.len() < SPARE {
            flow.spare.extend(ended.spare.take());
        }
        ended
    });
    ended.unwrap_or_default()
}

/// Finds the place of a span of `component` near the innermost span, and writes its frame.
#[inline]
pub(crate) fn place(component: &Component, method: &Key) -> Placed {
    let placed = FLOW.try_with(|flow| {
        let Flow { current, stack, pool, .. } = &mut *flow.borrow_mut();
        stack.place(current, component, method, pool)
    });
    placed.unwrap_or(Placed::Elsewhere)
}

/// Writes the frame of a root. Returns the trace where that is not possible.
pub(crate) fn place_root(
    call: (&Component, &Key),
    trace: Arc<RunningTrace>,
    ids: (SpanId, Option<SpanId>),
) -> Result<Box<Frame>, Arc<RunningTrace>> {
    let mut trace = Some(trace);
    let placed = FLOW.try_with(|flow| {
        let Flow { current, stack, pool, .. } = &mut *flow.borrow_mut();
        let placed = stack.place_root(current, call, trace.take()?, ids, pool);
        placed.map_err(|back| trace = Some(back)).ok()
    });
    match (placed.ok().flatten(), trace) {
        (Some(frame), _) => Ok(frame),
        (None, Some(trace)) => Err(trace),
        (None, None) => unreachable!("the trace is taken only for a frame"),
    }
}

/// Returns an empty record.
#[inline]
pub(crate) fn take_record() -> UniqueArc<Record> {
    FLOW.try_with(|flow| flow.borrow_mut().pool.take_record())
        .unwrap_or_else(|_| Pool::new_record())
}

/// Takes back the record of a span that has ended.
#[inline]
pub(crate) fn give_record(mut record: UniqueArc<Record>) {
    // While nothing is borrowed.
    record.empty();
    let _ = FLOW.try_with(|flow| flow.borrow_mut().pool.give_record(record));
}

/// Takes back a record that was shared, unless it still is.
pub(crate) fn give_shared_record(record: Shared) {
    if let Ok(record) = Shared::try_unique(record) {
        give_record(record);
    }
}

/// Sets an attribute of the innermost span, without settling it.
pub(crate) fn set_attribute(key: Key, value: Value) {
    let mut given = Some((key, value));
    let is_frame = FLOW.try_with(|flow| {
        let mut flow = flow.borrow_mut();
        let Some(top) = flow.stack.top_mut() else { return false };
        if let Some((key, value)) = given.take().filter(|_| top.sampled) {
            top.body.attributes.set(key, value);
        }
        true
    });
    if is_frame == Ok(false)
        && let Some(Some(record)) = peek(|current| current.innermost.local().cloned())
        && let Some((key, value)) = given
    {
        record.with_attributes(|attributes| {
            attributes.set(key, value);
        });
    }
}

/// Returns the innermost span if this flow opened it for the same component, and, unless `any`
/// method will do, for the same method.
#[inline]
pub(crate) fn same(component: &Component, method: &Key, any: bool) -> Option<Shared> {
    let from_frames = FLOW.try_with(|flow| {
        let flow = &mut *flow.borrow_mut();
        let Some(top) = flow.stack.top() else { return Some(None) };
        let same = top.address == component.address() && (any || top.method == *method);
        if same { Some(flow.settled().innermost.local().cloned()) } else { None }
    });
    match from_frames {
        Ok(None) => None,
        Ok(Some(Some(record))) => Some(record),
        Ok(Some(None)) | Err(_) => peek(|current| {
            let record = current.innermost.local().filter(|_| current.own)?;
            let same = record.is_active_for(component) && (any || record.head().method == *method);
            same.then(|| Shared::clone(record))
        })
        .flatten(),
    }
}

/// Ends the span of a frame whose body is complete, and takes back the frame. Returns both if the span
/// cannot be queued at once; see [`Stack::finish`].
#[inline]
pub(crate) fn finish(mut frame: Box<Frame>) -> Option<(Box<Frame>, PassOn)> {
    let finished = FLOW.try_with(|flow| {
        let Flow { stack, pool, .. } = &mut *flow.borrow_mut();
        match stack.finish(&mut frame) {
            Ok(unneeded) => {
                pool.give_frame(frame);
                Ok(unneeded)
            }
            Err(span) => Err((frame, span)),
        }
    });
    // What is not needed is dropped while nothing is borrowed.
    finished.ok()?.err()
}

/// Takes back a frame whose span has ended, and forgets it.
pub(crate) fn give_frame(mut frame: Box<Frame>) {
    frame.body.clear();
    let unneeded = FLOW.try_with(|flow| {
        let Flow { stack, pool, .. } = &mut *flow.borrow_mut();
        let unneeded = stack.forget(&frame);
        pool.give_frame(frame);
        unneeded
    });
    // While nothing is borrowed.
    drop(unneeded);
}

/// Returns the trace of a frame.
pub(crate) fn trace_of(frame: &Frame) -> Option<Arc<RunningTrace>> {
    FLOW.try_with(|flow| flow.borrow().stack.trace(frame.trace).cloned()).ok()?
}

/// Runs `work` inside a span that this flow opened, then returns the span. Catches a panic of the
/// work, so that no code runs while the panic unwinds.
#[inline]
pub(crate) fn inside_span<R>(
    span: &mut Option<Held>,
    work: impl FnOnce() -> R,
) -> thread::Result<R> {
    match span.take() {
        Some(Held::Frame(frame)) => {
            let pushed = FLOW
                .try_with(|flow| {
                    let Flow { current, stack, .. } = &mut *flow.borrow_mut();
                    stack.push(frame, current);
                })
                .is_ok();
            let result = catch_unwind(AssertUnwindSafe(work));
            if pushed {
                *span = leave_frame();
            }
            result
        }
        Some(Held::Shared(record)) => {
            let mut record = Some(record);
            let outer = enter_span(&mut record);
            let result = catch_unwind(AssertUnwindSafe(work));
            *span = match outer {
                Some(outer) => leave_span(outer),
                None => record,
            }
            .map(Held::Shared);
            result
        }
        None => catch_unwind(AssertUnwindSafe(work)),
    }
}

#[inline]
fn leave_frame() -> Option<Held> {
    match FLOW.try_with(|flow| flow.borrow_mut().stack.pop()).ok()?? {
        Popped::Frame(frame) => Some(Held::Frame(frame)),
        Popped::Settled(outer) => {
            // While nothing is borrowed.
            while let Ok(Some(unused)) = FLOW.try_with(|flow| flow.borrow_mut().stack.pop_unused())
            {
                drop(unused);
            }
            leave_span(outer).map(Held::Shared)
        }
    }
}

/// Makes the span current and returns the previous context; `None` where that is impossible.
#[inline]
fn enter_span(record: &mut Option<Shared>) -> Option<Current> {
    let entered = FLOW.try_with(|flow| {
        let mut flow = flow.borrow_mut();
        let current = flow.settled();
        let inside = current.inside(record.take()?);
        Some(mem::replace(current, inside))
    });
    entered.ok().flatten()
}

/// Restores the previous context and returns the span that was current.
#[inline]
fn leave_span(outer: Current) -> Option<Shared> {
    let left = FLOW.try_with(|flow| {
        let Flow { current, stack, .. } = &mut *flow.borrow_mut();
        stack.release_current();
        mem::replace(current, outer)
    });
    let mut left = left.ok()?;
    if left.attached.is_some() {
        left = attach::without_attachments(left);
    }
    match left.innermost {
        Innermost::Local(record) => Some(record),
        Innermost::None | Innermost::Remote(_) => None,
    }
}

/// Makes `mine` current until the guard is dropped, then returns it.
pub(crate) fn enter(mine: &mut Current) -> Entered<'_> {
    swap(mine);
    Entered { mine }
}

/// Guard of [`enter`].
#[derive(Debug)]
pub(crate) struct Entered<'a> {
    mine: &'a mut Current,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        swap(self.mine);
    }
}

/// Does nothing in a thread whose thread-locals are gone.
fn swap(mine: &mut Current) {
    let _ = change(|current| mem::swap(current, mine));
}
