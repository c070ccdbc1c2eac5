//! What a span collects while it runs.

use crate::{
    Key, Redactor, SpanLimits, Status,
    attributes::Attributes,
    clock::Ticks,
    keys,
    outcome::ErrorReport,
    span::{error::SpanError, event::StoredEvent},
};

/// The name of the event that an error leaves, as OpenTelemetry calls it.
const EXCEPTION: &str = "exception";

/// What is said of a hook's panic where its message is left out.
pub(crate) const PANICKED: &str = "panicked";

/// Everything about a span that is not fixed when it starts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    pub(crate) attributes: Attributes,
    pub(crate) events: Vec<StoredEvent>,
    pub(crate) dropped_events: u32,
    pub(crate) status: Status,
    pub(crate) error: Option<Box<SpanError>>,
    /// The short type name of what the call returned, for a traced call that returned.
    pub(crate) result_type: Option<&'static str>,
    pub(crate) end: Ticks,
}

impl Body {
    /// Adds an event unless the span already has as many as it may.
    pub(crate) fn add_event(
        &mut self,
        limits: SpanLimits,
        name: Key,
        at: Ticks,
        fill: impl FnOnce(&mut Attributes),
    ) {
        if self.events.len() >= limits.max_events as usize {
            self.dropped_events = self.dropped_events.saturating_add(1);
            return;
        }
        let mut attributes = Attributes::with_limits(limits);
        fill(&mut attributes);
        self.events.push(StoredEvent { name, at, attributes });
    }

    /// Notes an error: an `exception` event, and nothing else.
    pub(crate) fn add_exception(&mut self, limits: SpanLimits, at: Ticks, error: &ErrorReport) {
        self.add_event(limits, Key::from_static(EXCEPTION), at, |attributes| {
            attributes.set(keys::EXCEPTION_TYPE, error.full_type_name.as_str());
            attributes.set_content(keys::EXCEPTION_MESSAGE, error.message.as_str());
        });
    }

    /// Makes `error` the reason why the span failed: status, `error.*` and an `exception` event.
    pub(crate) fn fail(&mut self, limits: SpanLimits, at: Ticks, error: &ErrorReport) {
        self.add_exception(limits, at, error);
        self.status = Status::Error;
        self.error = Some(Box::new(SpanError::new(error, limits)));
    }

    /// Replaces the secrets in all it holds.
    pub(crate) fn screen(&mut self, redactor: &Redactor) {
        if let Some(error) = &mut self.error {
            error.screen(redactor);
        }
        for attributes in self.all_attributes() {
            let _ = redactor.redact(attributes, 0);
        }
    }

    /// Leaves out what was written as content.
    pub(crate) fn drop_content(&mut self) {
        if let Some(error) = &mut self.error {
            error.drop_texts();
        }
        for attributes in self.all_attributes() {
            attributes.drop_content();
        }
        if self.attributes.get(keys::COLLECTOR_ERROR).is_some() {
            self.attributes.set_unchecked(keys::COLLECTOR_ERROR, PANICKED);
        }
    }

    fn all_attributes(&mut self) -> impl Iterator<Item = &mut Attributes> {
        let of_events = self.events.iter_mut().map(|event| &mut event.attributes);
        std::iter::once(&mut self.attributes).chain(of_events)
    }
}
