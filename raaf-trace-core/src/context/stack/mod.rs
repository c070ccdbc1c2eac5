//! Frames of a thread: its open spans that nothing else refers to.

mod settle;

use std::sync::Arc;

use crate::{
    base::process::MadeIn,
    component::{
        Component,
        table::{ComponentNumber, Components},
    },
    context::{
        chain,
        current::Current,
        parent,
        published::{self, Registered},
    },
    provider::{OnlyQueue, clock::Ticks, dispatch, running_trace::RunningTrace},
    span::{frame::Frame, pool::Pool},
};
use raaf_trace_model::{attributes::Key, id::SpanId, span::ComponentInfo};

/// Open spans of synchronous calls above the current context, innermost last, all of one trace.
///
/// Calls nest strictly: a frame is pushed when the work begins, and popped when it ends, unless it
/// was [settled](Self::settle) in between. Everything outside of this module and of
/// [`flow`](super::flow) sees settled contexts only.
pub(crate) struct Stack {
    #[allow(clippy::vec_box, reason = "frames go from list to list, and are large")]
    frames: Vec<Box<Frame>>,
    /// Previous contexts of settled frames, outermost first.
    settled: Vec<Current>,
    traces: Vec<TracePlace>,
    pub(crate) components: Components,
    published: Option<Registered>,
    /// Grows when a frame has to be settled, and falls when one ends as a frame.
    settling: u32,
    /// Traces that settled frames referred to, to be dropped while nothing is borrowed.
    unused: Vec<Kept>,
}

/// Value of `settling` from which spans get records at once, since most frames would be settled:
/// the program asks each span for a handle, for example.
const SETTLES: u32 = 64;
/// A trace of frames that are open or about to be.
#[derive(Debug)]
struct TracePlace {
    /// `None` if there is no open frame.
    kept: Option<Kept>,
    open: u32,
}

/// A trace that frames refer to.
#[derive(Debug)]
pub(crate) struct Kept {
    trace: Arc<RunningTrace>,
    /// Queue that received all spans when the trace came here.
    queue: Option<OnlyQueue>,
}

/// Number of a trace in its thread, valid while it has an open frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TraceNumber(u32);

/// Outcome of [`Stack::place`].
pub(crate) enum Placed {
    /// Its frame.
    Here(Box<Frame>),
    /// The span's provider does not record.
    Nowhere,
    /// The parent is not near.
    Elsewhere,
}

/// A finished span of a frame, to be passed on while nothing is borrowed. Its frame is forgotten then.
pub(crate) struct PassOn {
    pub(crate) trace: Arc<RunningTrace>,
    pub(crate) component: Arc<ComponentInfo>,
    pub(crate) end: Ticks,
}

/// A popped frame, or the context that replaced it.
pub(crate) enum Popped {
    Frame(Box<Frame>),
    /// It was settled; the context to return to.
    Settled(Current),
}

impl Stack {
    pub(crate) const fn new() -> Self {
        Self {
            frames: Vec::new(),
            settled: Vec::new(),
            traces: Vec::new(),
            components: Components::new(),
            published: None,
            settling: 0,
            unused: Vec::new(),
        }
    }

    /// Returns the innermost frame.
    #[inline]
    pub(crate) fn top(&self) -> Option<&Frame> {
        self.frames.last().map(|frame| &**frame)
    }

    /// Returns the innermost frame for changes of its attributes.
    #[inline]
    pub(crate) fn top_mut(&mut self) -> Option<&mut Frame> {
        self.frames.last_mut().map(|frame| &mut **frame)
    }

    /// Finds the place of a span of `component` near the innermost span of this context, and writes
    /// its frame.
    #[inline]
    pub(crate) fn place(
        &mut self,
        current: &mut Current,
        component: &Component,
        method: &Key,
        pool: &mut Pool,
    ) -> Placed {
        if current.is_detached() {
            return Placed::Elsewhere;
        }
        if self.settling >= SETTLES {
            // Looks again from time to time.
            self.settling -= 1;
            return Placed::Elsewhere;
        }
        if self.frames.len() == published::MOST {
            self.settle(current, pool);
        }
        let found = match self.top() {
            Some(top) => {
                let (number, id) = (top.trace, top.id);
                let parent = match component.parent() {
                    None => Some(id),
                    Some(bound) => self.bound_parent(current, component, bound, id),
                };
                let place = self.traces.get(number.0 as usize);
                let trace = place.and_then(|place| Some(&place.kept.as_ref()?.trace));
                parent.zip(trace).map(|(id, trace)| (Some(number), trace, id))
            }
            None => above(current, component).map(|(trace, id)| (None, trace, id)),
        };
        let Some((number, trace, parent)) = found else { return Placed::Elsewhere };
        let provider = &trace.provider;
        if !provider.is_recording() {
            return Placed::Nowhere;
        }
        if trace.limits.cuts_name(component.longest_name().max(method.as_str().len())) {
            return Placed::Elsewhere;
        }
        // A user's generator may read the current context.
        let plain_id = provider.plain_span_id();
        let waits = plain_id.is_none() || provider.acts_on_starts();
        let Some(number_of_component) = self.components.open(component) else {
            return Placed::Elsewhere;
        };
        let number = if let Some(number) = number {
            number
        } else {
            let trace = Arc::clone(trace);
            current.innermost.local().inspect(|innermost| innermost.head().note_child());
            self.keep(trace)
        };
        // Those below have one: this one.
        if let Some(top) = self.top_mut() {
            top.has_children = true;
        }
        let ids = (plain_id.unwrap_or(parent), Some(parent));
        let mut frame = pool.take_frame();
        let numbers = (number, number_of_component);
        self.write(&mut frame, (component, method), ids, numbers, waits, false);
        Placed::Here(frame)
    }

    /// Returns the parent of a span of a component that is bound to another one: the innermost span,
    /// `top`, if the component is active in this context or the other one is active nowhere, else the
    /// innermost one of the other one. `None` if that is not in this context.
    fn bound_parent(
        &self,
        current: &Current,
        component: &Component,
        bound: &Component,
        top: SpanId,
    ) -> Option<SpanId> {
        let (own, bound_to) = (component.address(), bound.address());
        let mut found = None;
        let mut linked = true;
        for frame in self.frames.iter().rev() {
            if frame.address == own {
                return Some(top);
            }
            if frame.address == bound_to && found.is_none() {
                found = Some(frame.id);
            }
            linked = frame.linked;
        }
        if linked && let Some(innermost) = current.innermost.local() {
            if chain::innermost_of(innermost, component).is_some() {
                return Some(top);
            }
            if found.is_none()
                && let Some(record) = chain::innermost_of(innermost, bound)
            {
                let same = Arc::ptr_eq(&record.head().trace, &innermost.head().trace);
                return same.then(|| record.head().id);
            }
        }
        match found {
            None if bound.is_active() => None,
            found => Some(found.unwrap_or(top)),
        }
    }

    /// Writes the frame of a root, or of the first span under a remote parent. Returns the trace
    /// where that is not possible.
    pub(crate) fn place_root(
        &mut self,
        current: &Current,
        (component, method): (&Component, &Key),
        trace: Arc<RunningTrace>,
        ids: (SpanId, Option<SpanId>),
        pool: &mut Pool,
    ) -> Result<Box<Frame>, Arc<RunningTrace>> {
        let is_bare = self.frames.is_empty() && !current.is_detached();
        let cuts_names =
            trace.limits.cuts_name(component.longest_name().max(method.as_str().len()));
        if !is_bare || cuts_names {
            return Err(trace);
        }
        let Some(number) = self.components.open(component) else { return Err(trace) };
        let waits = trace.provider.acts_on_starts();
        let trace = self.keep(trace);
        let mut frame = pool.take_frame();
        self.write(&mut frame, (component, method), ids, (trace, number), waits, true);
        Ok(frame)
    }

    /// Writes a frame over an ended one, and counts it as open.
    #[inline]
    fn write(
        &mut self,
        frame: &mut Frame,
        (component, method): (&Component, &Key),
        (id, parent): (SpanId, Option<SpanId>),
        (trace, number): (TraceNumber, ComponentNumber),
        waits: bool,
        is_root: bool,
    ) {
        let place = &mut self.traces[trace.0 as usize];
        place.open += 1;
        // Field by field, so that nothing is written in parts and then moved.
        frame.sampled = place.kept.as_ref().is_some_and(|kept| {
            frame.body.attributes.set_limits(kept.trace.limits);
            kept.trace.sampled
        });
        match method.as_static() {
            Some(method) => frame.method = Key::from_static(method),
            None => frame.method = method.clone(),
        }
        frame.id = id;
        frame.parent = parent;
        frame.trace = trace;
        frame.component = number;
        frame.address = component.address();
        frame.linked = !is_root;
        frame.local_root = is_root;
        frame.has_children = false;
        frame.waits = waits;
        frame.has_started = false;
        frame.made_in = MadeIn::here();
    }

    /// Returns the number of a trace, which has one from now on.
    fn keep(&mut self, trace: Arc<RunningTrace>) -> TraceNumber {
        let is_same = |place: &TracePlace| {
            place.kept.as_ref().is_some_and(|kept| Arc::ptr_eq(&kept.trace, &trace))
        };
        let known = self.traces.iter().position(is_same);
        let at = known.or_else(|| self.traces.iter().position(|place| place.open == 0));
        if known.is_none() {
            let queue = trace.provider.only_queue();
            let place = TracePlace { kept: Some(Kept { trace, queue }), open: 0 };
            match at {
                Some(at) => self.traces[at] = place,
                None => self.traces.push(place),
            }
        }
        TraceNumber(at.unwrap_or(self.traces.len() - 1) as u32)
    }

    #[inline]
    pub(crate) fn trace(&self, number: TraceNumber) -> Option<&Arc<RunningTrace>> {
        Some(&self.kept(number)?.trace)
    }

    #[inline]
    fn kept(&self, TraceNumber(number): TraceNumber) -> Option<&Kept> {
        self.traces.get(number as usize)?.kept.as_ref()
    }

    /// Ends the span of a frame whose body is complete, and forgets the frame. Returns a trace that
    /// is not needed any more, to be dropped while nothing is borrowed; or the span, if it cannot be
    /// queued at once.
    #[inline]
    pub(crate) fn finish(&mut self, frame: &mut Frame) -> Result<Option<Kept>, PassOn> {
        let known = self.kept(frame.trace).zip(self.components.info(frame.component));
        let Some((Kept { trace, queue }, component)) = known else {
            frame.body.clear();
            return Ok(self.forget(frame));
        };
        if !frame.has_started {
            // Its work never began.
            frame.start(trace);
        }
        let provider = &trace.provider;
        if frame.sampled {
            let end = provider.clock().now();
            let (span, body) = frame.facts((trace, component), end);
            let queue = queue.as_ref();
            if !queue.is_some_and(|queue| dispatch::queue(provider, queue, &span, body)) {
                let (trace, component) = (Arc::clone(trace), Arc::clone(component));
                return Err(PassOn { trace, component, end });
            }
        }
        if frame.local_root {
            provider.open_roots().ended(trace.root);
        }
        Ok(self.forget(frame))
    }

    /// Forgets a frame that has ended. Returns a trace that is not needed any more, to be dropped
    /// while nothing is borrowed.
    #[inline]
    pub(crate) fn forget(&mut self, frame: &Frame) -> Option<Kept> {
        self.components.close(frame.component);
        let place = self.traces.get_mut(frame.trace.0 as usize)?;
        place.open -= 1;
        if place.open > 0 { None } else { place.kept.take() }
    }

    /// Starts the span of a placed frame, and makes it current.
    #[inline]
    pub(crate) fn push(&mut self, mut frame: Box<Frame>, current: &Current) {
        let at = self.frames.len();
        if let Some(place) = self.traces.get(frame.trace.0 as usize)
            && let Some(Kept { trace, .. }) = &place.kept
        {
            if !frame.has_started {
                frame.start(trace);
            }
            let below = current.innermost.local();
            let published = match &mut self.published {
                Some(published) if published.is_of_this_process() => published,
                published => {
                    let published = published.insert(Registered::new());
                    // In a forked child, frames may be open already.
                    published.set_base(trace, below);
                    for (at, frame) in self.frames.iter().enumerate() {
                        published.open(at, frame.published(trace.id()));
                    }
                    published
                }
            };
            if at == 0 {
                published.set_base(trace, below);
            }
            published.open(at, frame.published(trace.id()));
        }
        self.frames.push(frame);
    }

    /// Takes one of what is not needed any more.
    #[inline]
    pub(crate) fn pop_unused(&mut self) -> Option<Kept> {
        self.unused.pop()
    }

    /// Takes the innermost frame off; `None` for nothing to take.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Popped> {
        if let Some(frame) = self.frames.pop() {
            self.settling = self.settling.saturating_sub(1);
            if let Some(published) = &self.published {
                published.close(self.frames.len());
            }
            return Some(Popped::Frame(frame));
        }
        Some(Popped::Settled(self.settled.pop()?))
    }

    /// Lets go of the span below the frames when another one becomes current.
    #[inline]
    pub(crate) fn release_current(&mut self) {
        if let Some(published) = &mut self.published {
            published.release_span();
        }
    }
}

/// Finds the parent of a frame directly above the current context, and its trace.
#[inline]
fn above<'a>(
    current: &'a Current,
    component: &Component,
) -> Option<(&'a Arc<RunningTrace>, SpanId)> {
    let innermost = current.innermost.local()?;
    let parent = parent::nearby(component, innermost)?;
    let (trace, id) = (&parent.head().trace, parent.head().id);
    Arc::ptr_eq(trace, &innermost.head().trace).then_some((trace, id))
}
