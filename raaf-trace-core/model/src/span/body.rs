//! What a span collects while it runs.

use super::{Event, Link, SpanError, SpanExtras, Status};
use crate::{
    attributes::{Attributes, Key, SpanLimits},
    keys,
    redact::Redactor,
    time::Timestamp,
};

/// What the attribute `tracing.collector_error` says where a panic's message is left out.
pub const PANICKED: &str = "panicked";

/// Everything about a span that is not fixed when it starts, but for its end.
#[derive(Clone, Debug, Default)]
pub struct SpanBody {
    /// What was set.
    pub attributes: Attributes,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Events beyond the limit.
    pub dropped_events: u32,
    /// How it ended.
    pub status: Status,
    /// Why it failed.
    pub error: Option<Box<SpanError>>,
    /// The type name of what the call returned, for a traced call that returned.
    pub result_type: Option<&'static str>,
    /// What few spans have.
    pub extras: Option<Box<SpanExtras>>,
}

impl SpanBody {
    /// Adds an event unless the span already has as many as it may.
    pub fn add_event(
        &mut self,
        limits: SpanLimits,
        name: Key,
        time: Timestamp,
        fill: impl FnOnce(&mut Attributes),
    ) {
        if self.events.len() >= limits.max_events as usize {
            self.dropped_events = self.dropped_events.saturating_add(1);
            return;
        }
        let mut attributes = Attributes::with_limits(limits);
        fill(&mut attributes);
        self.events.push(Event::new(name, time, attributes));
    }

    /// Lets go of all it holds, but not of the list of attributes unless that is large.
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
        self.extras = None;
    }

    /// Returns what few spans have, to be changed.
    pub fn extras_mut(&mut self) -> &mut SpanExtras {
        self.extras.get_or_insert_default()
    }

    /// Replaces the secrets in all it holds.
    pub fn redact(&mut self, redactor: &Redactor) {
        if let Some(error) = &mut self.error {
            error.redact(redactor);
        }
        for attributes in self.all_attributes() {
            let _ = redactor.redact(attributes, 0);
        }
    }

    /// Leaves out what was written as content.
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
