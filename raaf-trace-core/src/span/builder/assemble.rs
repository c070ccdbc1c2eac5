//! The one place where a built span becomes a finished one like those that ran.

use std::sync::{Arc, LazyLock};

use super::{Fault, FinishedSpanBuilder};
use crate::{
    FinishedSpan, Redactor, SpanLimits, TracerProvider,
    clock::Anchor,
    outcome::ErrorReport,
    provider::trace_record::{LocalRoot, Trace, TraceInfo},
    span::{SpanError, body::Body, event::StoredEvent, head::Head},
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
    let local_root = builder.local_root.unwrap_or(builder.parent_id.is_none());
    let itself = || LocalRoot::new(builder.span_id, builder.parent_id, &builder.component);
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
        root: if local_root { Some(itself()) } else { builder.root },
    };
    let head = Head {
        id: builder.span_id,
        parent: builder.parent_id,
        trace: Arc::new(trace),
        component: builder.component,
        method: builder.method,
        name: builder.name.map(Box::new),
        start: anchor.ticks_at(start),
        local_root,
    };
    let events = builder.events.into_iter().map(|(name, time, attributes)| StoredEvent {
        name,
        at: anchor.ticks_at(time),
        attributes,
    });
    let body = Body {
        attributes: builder.attributes,
        events: events.collect(),
        dropped_events: builder.dropped_events,
        status: builder.status,
        error: builder.fault.map(|fault| Box::new(error(fault))),
        result_type: None,
        end: anchor.ticks_at(start.checked_add(builder.duration).unwrap_or(start)),
    };
    FinishedSpan::new(head, body)
}

fn error(fault: Fault) -> SpanError {
    let limits = SpanLimits::UNLIMITED.with_content(fault.message.is_some());
    let mut report = ErrorReport::from_message("", fault.message.unwrap_or_default());
    report.type_name = fault.kind;
    report.sources = fault.sources;
    SpanError::new(&report, limits)
}
