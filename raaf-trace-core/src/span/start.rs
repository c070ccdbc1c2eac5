//! Starting a span.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, atomic::AtomicBool},
};

use triomphe::UniqueArc;

use crate::{
    base::process::MadeIn,
    component::Component,
    context::{chain::Link, flow, parent, stack::Placed},
    provider::{Inner, clock::Ticks, dispatch},
    span::{
        baggage,
        frame::Frame,
        head::Head,
        origin::{Origin, around},
        record::{Held, Record, Shared},
        stray,
    },
};
use raaf_trace_model::{
    attributes::{Attributes, Key},
    propagation::Baggage,
    span::{SpanBody, SpanExtras, SpanHead, StartedSpan},
};

/// Starts a span in the current context, without a named parent. `fill` adds its attributes before
/// processors receive the start. `None` when its provider does not record.
#[inline]
pub(crate) fn start_here(
    component: &Component,
    method: &Key,
    fill: impl FnOnce(&mut Attributes),
) -> Option<Shared> {
    let mut record = flow::take_record();
    // Usually the parent is near: then the record is written in place, since a copy of values that
    // were just written has to wait for them.
    let placed = flow::peek(|current| {
        let innermost = current.innermost.local()?;
        let parent = parent::nearby(component, innermost)?;
        let head = parent.head();
        let recording = head.trace.provider.is_recording();
        if recording {
            head.note_child();
            let (enclosing, trace) = around(innermost, parent);
            let link = Link::within(enclosing);
            record.fill(
                Head {
                    id: head.id,
                    parent: Some(head.id),
                    trace,
                    component: component.clone(),
                    method: method.clone(),
                    name: None,
                    start: Ticks::default(),
                    local_root: false,
                    has_children: AtomicBool::new(false),
                    made_in: MadeIn::here(),
                },
                link,
            );
        }
        Some(recording)
    });
    match placed {
        Some(Some(true)) => {
            // Not before: a user's id generator may read the current context.
            let (head, _) = record.parts_mut();
            head.id = head.trace.provider.new_span_id();
            Some(open(record, flow::baggage, fill))
        }
        Some(Some(false)) => {
            flow::give_record(record);
            None
        }
        _ => {
            let Some(origin) = Origin::find(component, None, &flow::current()) else {
                flow::give_record(record);
                return None;
            };
            Some(start_in(record, origin, component.clone(), method.clone(), None, fill))
        }
    }
}

/// Opens a span like [`start_here`] for a synchronous call, which starts it when the work begins.
/// Usually only this thread will know it.
#[inline]
pub(crate) fn open_here(
    component: &Component,
    method: &Key,
    fill: impl FnOnce(&mut Attributes),
) -> Option<Held> {
    let mut frame = match flow::place(component, method) {
        Placed::Here(frame) => frame,
        Placed::Nowhere => return None,
        Placed::Elsewhere => return open_elsewhere(component, method, fill),
    };
    if frame.waits {
        frame = set_id(frame);
    }
    Some(open_frame(component, frame, fill))
}

/// Sets attributes of a placed frame, and tells its start to those who wait for it.
#[inline]
fn open_frame(
    component: &Component,
    mut frame: Box<Frame>,
    fill: impl FnOnce(&mut Attributes),
) -> Held {
    if frame.waits {
        copy_baggage(&mut frame);
    }
    if frame.sampled {
        fill(&mut frame.body.attributes);
    }
    if frame.waits {
        tell_start_of_frame(component, &mut frame);
    }
    Held::Frame(frame)
}

/// Sets the id of a frame where a user's generator makes it.
#[cold]
fn set_id(mut frame: Box<Frame>) -> Box<Frame> {
    if let Some(trace) = flow::trace_of(&frame) {
        match catch_unwind(AssertUnwindSafe(|| trace.provider.new_span_id())) {
            Ok(id) => frame.id = id,
            Err(panic) => {
                flow::give_frame(frame);
                resume_unwind(panic);
            }
        }
    }
    frame
}

#[cold]
fn copy_baggage(frame: &mut Frame) {
    if let Some(trace) = flow::trace_of(frame).filter(|_| frame.sampled) {
        baggage::copy(&trace, flow::baggage, &mut frame.body.attributes);
    }
}

/// Starts the span of a frame, and passes it to the processors that receive starts.
#[cold]
fn tell_start_of_frame(component: &Component, frame: &mut Frame) {
    let Some(trace) = flow::trace_of(frame) else { return };
    frame.start(&trace);
    if frame.sampled && trace.provider.watches_starts() {
        let data = frame.head_data((&trace, component.info()));
        tell(&trace.provider, data, &mut frame.body.attributes);
    }
}

#[inline(never)]
fn open_elsewhere(
    component: &Component,
    method: &Key,
    fill: impl FnOnce(&mut Attributes),
) -> Option<Held> {
    if flow::peek(|current| current.innermost.is_local()).unwrap_or(false) {
        return start_here(component, method, fill).map(Held::Shared);
    }
    let current = flow::current();
    let mut origin = Origin::find(component, None, &current)?;
    if origin.local_root {
        let id = origin.trace.provider.new_span_id();
        origin.begin(id, component);
        let (parent, without_context) = (origin.parent, origin.without_context);
        let call = (component, method);
        match flow::place_root(call, origin.trace, (id, parent)) {
            Ok(frame) => {
                let trace = flow::trace_of(&frame);
                let held = open_frame(component, frame, fill);
                if let Some(trace) = trace {
                    stray::root_started(&trace, call, without_context);
                }
                return Some(held);
            }
            Err(trace) => (origin.trace, origin.id) = (trace, Some(id)),
        }
    }
    let (component, method) = (component.clone(), method.clone());
    let record = flow::take_record();
    Some(Held::Shared(start_in(record, origin, component, method, None, fill)))
}

/// Starts a span at a place that was found before.
pub(crate) fn start(
    origin: Origin,
    component: Component,
    method: Key,
    name: Option<Key>,
    extras: Option<Box<SpanExtras>>,
    fill: impl FnOnce(&mut Attributes),
) -> Shared {
    let mut record = flow::take_record();
    record.body_mut().extras = extras;
    start_in(record, origin, component, method, name, fill)
}

fn start_in(
    mut record: UniqueArc<Record>,
    origin: Origin,
    component: Component,
    method: Key,
    name: Option<Key>,
    fill: impl FnOnce(&mut Attributes),
) -> Shared {
    let id = origin.id.unwrap_or_else(|| origin.trace.provider.new_span_id());
    let mut origin = origin;
    origin.begin(id, &component);
    let Origin { trace, parent, local_root, without_context, link, depth, baggage, .. } = origin;
    let start = Ticks::default();
    let name = name.map(Box::new);
    let made_in = MadeIn::here();
    let has_children = AtomicBool::new(false);
    let head = Head {
        id,
        parent,
        trace,
        component,
        method,
        name,
        start,
        local_root,
        has_children,
        made_in,
    };
    record.fill(head, (link, depth));
    let record = open(record, || baggage, fill);
    // At last: what the user's code may have panicked in before would never end.
    if local_root {
        let Head { trace, component, method, .. } = record.head();
        stray::root_started(trace, (component, method), without_context);
    }
    record
}

/// Sets attributes and time of a placed span, and publishes it.
#[inline]
fn open(
    mut record: UniqueArc<Record>,
    here: impl FnOnce() -> Option<Arc<Baggage>>,
    fill: impl FnOnce(&mut Attributes),
) -> Shared {
    let (head, body) = record.parts_mut();
    let trace = &head.trace;
    let sampled = trace.sampled;
    body.attributes.set_limits(trace.limits);
    if sampled {
        if head.has_long_name() {
            cut_names(head, body);
        }
        baggage::copy(&head.trace, here, &mut body.attributes);
        fill(&mut body.attributes);
    }
    head.start = trace.provider.clock().now();
    if sampled {
        let provider = &trace.provider;
        provider.counts().span_started();
        if provider.watches_starts() {
            tell_start(head, body);
        }
    }
    let record = record.shareable();
    record.head().component.span_started(&record);
    record
}

/// Replaces names beyond their limit by changes of the finished span. The head keeps those that
/// calls are compared by.
#[cold]
fn cut_names(head: &Head, body: &mut SpanBody) {
    let limits = head.trace.limits;
    let changes = &mut body.extras_mut().changes;
    changes.kind = Some(head.component.kind().clone());
    changes.component_name = Some(head.component.info().name.clone());
    changes.method = Some(head.method.clone());
    changes.name = head.name.as_deref().cloned();
    let cuts = changes.fit(limits);
    body.attributes.add_cuts(cuts);
}

/// Passes a span that is not shared yet to the processors that receive starts.
#[cold]
fn tell_start(head: &Head, body: &mut SpanBody) {
    let mut data = head.to_data();
    if let Some(extras) = &body.extras {
        extras.changes.apply_to(&mut data);
    }
    tell(&head.trace.provider, data, &mut body.attributes);
}

fn tell(provider: &Inner, data: SpanHead, attributes: &mut Attributes) {
    provider.redactor().redact(attributes, 0);
    let mut started = StartedSpan::from_parts(data, mem::take(attributes));
    dispatch::started(provider, &mut started);
    *attributes = started.into_parts().1;
}
