//! Finished spans in few bytes, on their way from the thread that ends them to the one that delivers
//! them.
//!
//! Memory that one core writes and another reads is the main cost of a finished span. So it is a row
//! of 48 bytes and 16 bytes an attribute, and what many spans share is there once, in tables: traces,
//! components with methods, keys, types. All columns are in the order of the rows and read from the
//! beginning, so that nothing says where something is.

mod trace;

use std::{mem, sync::Arc};

use super::{ComponentInfo, FinishedSpan, SpanBody, SpanHead, Status, TraceData, TraceSource};
use crate::{
    attributes::{Extent as AttributesExtent, Key, PackedAttributes, SpanLimits, Unpack},
    id::SpanId,
    numbered::Numbered,
    time::Timestamp,
};
use trace::PackedTrace;

/// Number of spans that are not packed for which an emptied list keeps memory.
const MOST_WHOLE: usize = 64;

/// Finished spans, in the order they were added.
#[derive(Clone, Debug, Default)]
pub struct PackedSpans {
    rows: Vec<Row>,
    attributes: PackedAttributes,
    /// Spans of [`Form::Whole`], in order.
    whole: Vec<FinishedSpan>,
    traces: Numbered<PackedTrace, 8>,
    origins: Numbered<Origin>,
}

/// Facts about a finished span, apart from its body.
#[derive(Clone, Copy, Debug)]
pub struct SpanFacts<'a> {
    /// Id of the span.
    pub span_id: SpanId,
    /// Id of the parent; `None` for a root.
    pub parent_id: Option<SpanId>,
    /// Trace that it belongs to.
    pub trace: &'a dyn TraceSource,
    /// Component that ran.
    pub component: &'a Arc<ComponentInfo>,
    /// Method that ran.
    pub method: &'a Key,
    /// Name of the span, if it is not made of kind, component and method.
    pub name: Option<&'a Key>,
    /// Start time.
    pub start: Timestamp,
    /// End time.
    pub end: Timestamp,
    /// `true` if the span has no parent in this process.
    pub local_root: bool,
    /// `true` if other spans started within it.
    pub has_children: bool,
}

/// Component, method and result type, which all spans of a call site share.
#[derive(Clone, Debug)]
struct Origin {
    component: Arc<ComponentInfo>,
    method: Key,
    result_type: Option<&'static str>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    span_id: SpanId,
    parent_id: Option<SpanId>,
    start: Timestamp,
    end: Timestamp,
    trace: u16,
    origin: u16,
    attributes: u16,
    status: Status,
    form: Form,
    local_root: bool,
    has_children: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Packed,
    /// It has what only few spans have.
    Whole,
}

/// Numbers of entries in each column.
#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    attributes: AttributesExtent,
    whole: usize,
}

impl SpanFacts<'_> {
    /// Returns the head of the span.
    pub fn to_head(&self) -> SpanHead {
        SpanHead {
            span_id: self.span_id,
            parent_id: self.parent_id,
            trace: self.trace.shared(),
            component: Arc::clone(self.component),
            method: self.method.clone(),
            name: self.name.cloned().map(Box::new),
            start: self.start,
            local_root: self.local_root,
            has_children: self.has_children,
        }
    }

    /// Returns the span, with the body moved out.
    pub fn to_span(&self, body: &mut SpanBody) -> FinishedSpan {
        let mut span = FinishedSpan::from_parts(self.to_head(), mem::take(body), self.end);
        span.complete(|_| {});
        span
    }
}

impl PackedSpans {
    /// Returns the number of spans.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether there are no spans.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the number of spans for which there is memory.
    pub fn capacity(&self) -> usize {
        self.rows.capacity()
    }

    /// Returns the size of the columns in bytes.
    #[cfg(test)]
    fn memory(&self) -> usize {
        let rows = self.rows.capacity() * size_of::<Row>();
        let whole = self.whole.capacity() * size_of::<FinishedSpan>();
        rows + whole + self.attributes.memory()
    }

    /// Provides an empty list with memory for so many spans, in this thread's cache: memory that
    /// another thread has read is fetched all at once, rather than one line for each span.
    pub fn prepare(&mut self, spans: usize) {
        self.rows.clear();
        self.rows.resize(spans, Row::BLANK);
        self.rows.clear();
        self.attributes.prepare(spans);
    }

    /// Adds a span, and empties its body, which keeps its memory. An end before the start becomes
    /// the start.
    #[inline]
    pub fn push(&mut self, span: &SpanFacts<'_>, body: &mut SpanBody) {
        if span.name.is_some() || !body.is_plain() || !self.has_room_for(body) {
            return self.push_whole(span.to_span(body));
        }
        let SpanFacts { trace, component, method, .. } = span;
        let result_type = body.result_type;
        let data = trace.data();
        let id = data.id.to_u128();
        // A process can have two parts of a remote trace. Limits within one differ only in whether
        // there is content.
        let root = data.root.as_ref().map_or(0, |root| root.id.to_u64());
        let has_content = body.attributes.includes_content();
        let trace = self
            .traces
            .number([(id >> 64) as u64, id as u64, root << 1 | u64::from(has_content)], || {
                PackedTrace::of(data, *trace, body.attributes.limits())
            });
        // Packed methods are short.
        let of_type = result_type.map_or(0, |name| name.as_ptr().addr() as u64);
        let of_type = of_type ^ (method.len() as u64) << 48;
        let origin = self.origins.number([address(component), method.address(), of_type], || {
            Origin { component: Arc::clone(component), method: Key::clone(method), result_type }
        });
        self.rows.push(Row {
            span_id: span.span_id,
            parent_id: span.parent_id,
            start: span.start,
            end: span.end.max(span.start),
            trace,
            origin,
            attributes: body.attributes.len() as u16,
            status: body.status,
            form: Form::Packed,
            local_root: span.local_root,
            has_children: span.has_children,
        });
        self.attributes.pack(&mut body.attributes);
        body.status = Status::default();
        body.result_type = None;
    }

    /// Returns whether there are numbers left for what the span refers to.
    #[inline]
    fn has_room_for(&self, body: &SpanBody) -> bool {
        self.traces.has_room_for(1)
            && self.origins.has_room_for(1)
            && self.attributes.takes(&body.attributes)
    }

    /// Adds a span as it is.
    #[inline(never)]
    pub fn push_whole(&mut self, span: FinishedSpan) {
        self.rows.push(Row {
            span_id: span.head.span_id,
            parent_id: None,
            start: span.head.start,
            end: span.end,
            trace: 0,
            origin: 0,
            attributes: 0,
            status: Status::default(),
            form: Form::Whole,
            local_root: span.head.local_root,
            has_children: span.head.has_children,
        });
        self.whole.push(span);
    }

    fn extent(&self, rows: usize) -> Extent {
        let rows = self.rows.iter().take(rows);
        rows.fold(Extent::default(), |start, row| self.after(start, row))
    }

    /// Returns the extent of what is before `start` and of one row more.
    fn after(&self, start: Extent, row: &Row) -> Extent {
        Extent {
            attributes: self.attributes.extent(start.attributes, usize::from(row.attributes)),
            whole: start.whole + usize::from(row.form == Form::Whole),
        }
    }

    /// Moves the first `count` spans out, or all if there are fewer.
    #[must_use]
    pub fn split_front(&mut self, count: usize) -> Self {
        let count = count.min(self.len());
        let end = self.extent(count);
        let front = Self {
            rows: self.rows.drain(..count).collect(),
            attributes: self.attributes.split_front(end.attributes),
            whole: self.whole.drain(..end.whole).collect(),
            traces: self.traces.clone(),
            origins: self.origins.clone(),
        };
        if self.is_empty() {
            self.forget();
        }
        front
    }

    /// Removes the last leaf among the last `searched` spans. Returns whether there was one.
    pub fn remove_leaf(&mut self, searched: usize) -> bool {
        let from = self.len().saturating_sub(searched);
        let leaf = self.rows[from..].iter().rposition(Row::is_leaf);
        let Some(at) = leaf.map(|at| from + at) else { return false };
        let start = self.extent(at);
        let row = self.rows.remove(at);
        let end = self.after(start, &row);
        self.attributes.remove(start.attributes, end.attributes);
        self.whole.drain(start.whole..end.whole);
        true
    }

    /// Moves all spans out, to `spans` from `at` on: over [cleared](FinishedSpan::clear_all) spans, as
    /// far as there are any. Returns where they end.
    #[must_use]
    pub fn unpack_over(&mut self, spans: &mut Vec<FinishedSpan>, mut at: usize) -> usize {
        let Self { rows, attributes, whole, traces, origins } = self;
        let (mut attributes, mut whole) = (attributes.drain(), whole.drain(..));
        // The trace of the last row: those of one trace are near each other.
        let mut last = None;
        for row in rows.drain(..) {
            if row.form == Form::Whole {
                match (spans.get_mut(at), whole.next()) {
                    (Some(old), Some(span)) => *old = span,
                    (None, Some(span)) => spans.push(span),
                    (_, None) => continue,
                }
            } else {
                let (Some(trace), Some(origin)) = (traces.get(row.trace), origins.get(row.origin))
                else {
                    continue;
                };
                if last.as_ref().is_none_or(|(number, _)| *number != row.trace) {
                    let before = at.checked_sub(1).and_then(|before| spans.get(before));
                    last = Some((row.trace, trace.unpack(before)));
                }
                let Some((_, data)) = &last else { continue };
                if spans.len() == at {
                    spans.push(row.blank(data, origin));
                }
                row.write_over(&mut spans[at], (data, trace.limits), origin, &mut attributes);
            }
            at += 1;
        }
        drop((attributes, whole));
        self.forget();
        at
    }

    /// Forgets what the spans shared. What is not large is kept for the next ones.
    fn forget(&mut self) {
        self.attributes.forget();
        self.whole.shrink_to(MOST_WHOLE);
        self.traces.clear();
        self.origins.clear_if_many();
    }
}

fn address<T>(shared: &Arc<T>) -> u64 {
    Arc::as_ptr(shared).addr() as u64
}

impl Row {
    const BLANK: Self = Self {
        span_id: SpanId::MIN,
        parent_id: None,
        start: Timestamp::from_nanos(0),
        end: Timestamp::from_nanos(0),
        trace: 0,
        origin: 0,
        attributes: 0,
        status: Status::Unset,
        form: Form::Packed,
        local_root: false,
        has_children: false,
    };

    fn is_leaf(&self) -> bool {
        !self.local_root && !self.has_children
    }

    fn blank(&self, trace: &Arc<TraceData>, origin: &Origin) -> FinishedSpan {
        let head = SpanHead {
            span_id: self.span_id,
            parent_id: None,
            trace: Arc::clone(trace),
            component: Arc::clone(&origin.component),
            method: origin.method.clone(),
            name: None,
            start: self.start,
            local_root: self.local_root,
            has_children: self.has_children,
        };
        FinishedSpan { head, body: SpanBody::default(), end: self.end }
    }

    /// Writes the span over a cleared one.
    fn write_over(
        &self,
        span: &mut FinishedSpan,
        (trace, limits): (&Arc<TraceData>, SpanLimits),
        Origin { component, method, result_type }: &Origin,
        attributes: &mut Unpack<'_>,
    ) {
        let FinishedSpan { head, body, end } = span;
        head.span_id = self.span_id;
        head.parent_id = self.parent_id;
        // A count costs more than a comparison.
        if !Arc::ptr_eq(&head.trace, trace) {
            head.trace = Arc::clone(trace);
        }
        if !Arc::ptr_eq(&head.component, component) {
            head.component = Arc::clone(component);
        }
        if !head.method.is_identical(method) {
            head.method = method.clone();
        }
        head.name = None;
        head.start = self.start;
        head.local_root = self.local_root;
        head.has_children = self.has_children;
        body.attributes.set_limits(limits);
        attributes.next_into(usize::from(self.attributes), &mut body.attributes);
        body.status = self.status;
        body.result_type = *result_type;
        *end = self.end;
    }
}

#[cfg(test)]
mod tests;
