//! Data collected while a span runs.

use super::{Event, Link, SpanError, SpanExtras, Status};
use crate::{
    attributes::{Attributes, Key, SpanLimits},
    keys,
    redact::Redactor,
    time::Timestamp,
};

/// Value of the attribute `tracing.collector_error` where a panic's message is left out.
pub const PANICKED: &str = "panicked";

/// Data of a span that is not fixed at its start, except its end time.
#[derive(Clone, Debug, Default)]
pub struct SpanBody {
    /// Attributes that were set.
    pub attributes: Attributes,
    /// Events, in order.
    pub events: Vec<Event>,
    /// Number of events beyond the limit.
    pub dropped_events: u32,
    /// Status.
    pub status: Status,
    /// Error of a failed span.
    pub error: Option<Box<SpanError>>,
    /// Type name of the returned value, for a traced call that returned.
    pub result_type: Option<&'static str>,
    /// Rarely used fields.
    pub extras: Option<Box<SpanExtras>>,
}

impl SpanBody {
    /// Adds an event unless the limit is reached. Cuts its name to the limit of names.
    pub fn add_event(
        &mut self,
        limits: SpanLimits,
        mut name: Key,
        time: Timestamp,
        fill: impl FnOnce(&mut Attributes),
    ) {
        if self.events.len() >= limits.max_events as usize {
            self.dropped_events = self.dropped_events.saturating_add(1);
            return;
        }
        let mut attributes = Attributes::with_limits(limits);
        attributes.add_cuts(limits.fit_name(&mut name));
        fill(&mut attributes);
        self.events.push(Event::new(name, time, attributes));
    }

    /// Returns whether it has what most spans have only: attributes, a status and a result's type.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.events.is_empty()
            && self.error.is_none()
            && self.extras.is_none()
            && self.dropped_events == 0
            && self.attributes.has_no_losses()
    }

    /// Drops all contents. Keeps the memory of the attribute list unless that is large.
    #[inline]
    pub fn clear(&mut self) {
        self.attributes.clear();
        if self.events.capacity() > 0 {
            self.events = Vec::new();
        }
        self.dropped_events = 0;
        self.status = Status::default();
        if self.error.is_some() {
            self.error = None;
        }
        self.result_type = None;
        if self.extras.is_some() {
            self.extras = None;
        }
    }

    /// Returns the rarely used fields for changes.
    pub fn extras_mut(&mut self) -> &mut SpanExtras {
        self.extras.get_or_insert_default()
    }

    /// Replaces all secrets.
    pub fn redact(&mut self, redactor: &Redactor) {
        if let Some(error) = &mut self.error {
            error.redact(redactor);
        }
        for attributes in self.all_attributes() {
            let _ = redactor.redact(attributes, 0);
        }
    }

    /// Removes content.
    pub fn drop_content(&mut self) {
        if let Some(error) = &mut self.error {
            error.drop_content();
        }
        for attributes in self.all_attributes() {
            attributes.drop_content();
        }
        if self.attributes.contains(keys::COLLECTOR_ERROR) {
            self.attributes.set_reserved(keys::COLLECTOR_ERROR, PANICKED);
        }
    }

    fn all_attributes(&mut self) -> impl Iterator<Item = &mut Attributes> {
        let of_events = self.events.iter_mut().map(Event::attributes_mut);
        let links = self.extras.iter_mut().flat_map(|extras| &mut extras.links);
        let of_links = links.map(Link::attributes_mut);
        std::iter::once(&mut self.attributes).chain(of_events).chain(of_links)
    }
}
