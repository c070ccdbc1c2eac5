//! The one place where a built span becomes a record like those of spans that ran.

use std::sync::{Arc, LazyLock};

use super::{Fault, FinishedSpanBuilder};
use crate::{
    FinishedSpan, Redactor, SpanLimits, TracerProvider,
    clock::Anchor,
    context::chain::{Depth, Link},
    outcome::ErrorReport,
    provider::trace_record::{Trace, TraceInfo},
    span::{
        SpanError,
        event::StoredEvent,
        record::{Head, Record},
    },
};

/// The provider of built spans: it records nothing, cuts nothing and takes nothing for a secret.
static NOBODY: LazyLock<TracerProvider> = LazyLock::new(|| {
    TracerProvider::builder()
        .enabled(false)
        .limits(SpanLimits::UNLIMITED)
        .redactor(Redactor::none())
        .stale_after(None)
        .build()
});

pub(super) fn assemble(builder: FinishedSpanBuilder) -> FinishedSpan {
    let start = builder.start;
    let anchor = Anchor::fixed(start);
    let trace = Trace {
        id: builder.trace_id,
        sampled: true,
        provider: Arc::clone(NOBODY.inner()),
        limits: SpanLimits::UNLIMITED,
        anchor,
        state: builder.trace_state,
        info: TraceInfo {
            workflow_name: builder.workflow_name,
            group_id: builder.group_id,
            metadata: builder.metadata,
        },
    };
    let mut record = Record::default();
    record.fill(Head {
        id: builder.span_id,
        parent: builder.parent_id,
        trace: Arc::new(trace),
        component: builder.component,
        method: builder.method,
        name: builder.name,
        start: anchor.ticks_at(start),
        local_root: builder.local_root.unwrap_or(builder.parent_id.is_none()),
        link: Link::None,
        depth: Depth::default(),
    });
    let end = anchor.ticks_at(start.checked_add(builder.duration).unwrap_or(start));
    record.end(end, |body| {
        body.attributes = builder.attributes;
        body.status = builder.status;
        body.error = builder.fault.map(|fault| Box::new(error(fault)));
        body.dropped_events = builder.dropped_events;
        body.events.extend(builder.events.into_iter().map(|(name, time, attributes)| {
            StoredEvent { name, at: anchor.ticks_at(time), attributes }
        }));
    });
    FinishedSpan::new(Arc::new(record))
}

fn error(fault: Fault) -> SpanError {
    let limits = SpanLimits::UNLIMITED.with_content(fault.message.is_some());
    let mut report = ErrorReport::from_message("", fault.message.unwrap_or_default());
    report.type_name = fault.kind;
    report.sources = fault.sources;
    SpanError::new(&report, limits)
}
