//! Fields of spans and events.

use std::{
    error::Error,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use raaf_trace_core::{Attributes, Key, Value, attributes::IntoValue, call::ErrorReport, keys};
use tracing::field::{Field, Visit};

use crate::{
    callsite::{Callsite, KnownField, Role},
    names,
};

/// Type of an error of which only the text is known.
const ERROR: &str = "error";
const PANICKED: &str = "panicked while a field was formatted";

/// Fields that are no attributes.
#[derive(Debug, Default)]
pub(crate) struct Meaning {
    /// `otel.name`.
    pub(crate) name: Option<String>,
    /// `error`.
    pub(crate) error: Option<ErrorReport>,
    pub(crate) outcome: Outcome,
}

/// Status that fields set, perhaps one after the other.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// `otel.status_code`, or another field that says whether the span failed.
    pub(crate) failed: Option<bool>,
    /// `error.type`.
    pub(crate) kind: Option<String>,
    /// `otel.status_description` or `error.message`.
    pub(crate) message: Option<String>,
}

impl Outcome {
    /// Merges the status that later fields set. Returns the error to set, if they change it.
    pub(crate) fn add(&mut self, later: Self) -> Option<ErrorReport> {
        let Self { failed, kind, message } = later;
        let says_more = failed.is_some() || kind.is_some() || message.is_some();
        self.failed = failed.or(self.failed);
        self.kind = kind.or(self.kind.take());
        self.message = message.or(self.message.take());
        (says_more && self.failed == Some(true)).then(|| {
            let kind = self.kind.as_deref().unwrap_or(ERROR);
            ErrorReport::from_message(kind, self.message.as_deref().unwrap_or_default())
        })
    }
}

/// Visitor of fields, which sets attributes in `attributes` and keeps what other fields mean.
///
/// It runs `Debug` and `Display` of the user's types, which may call anything.
pub(crate) struct Fields<'a> {
    callsite: &'a Callsite,
    attributes: &'a mut Attributes,
    /// `true` for an event, which has no status and no name to set.
    of_event: bool,
    meaning: Option<Box<Meaning>>,
}

impl<'a> Fields<'a> {
    /// Visits fields of a span.
    pub(crate) fn new(callsite: &'a Callsite, attributes: &'a mut Attributes) -> Self {
        Self { callsite, attributes, of_event: false, meaning: None }
    }

    /// Visits fields of an event, of which only a text or an error in the field `error` is no attribute.
    pub(crate) fn of_event(callsite: &'a Callsite, attributes: &'a mut Attributes) -> Self {
        Self { of_event: true, ..Self::new(callsite, attributes) }
    }

    /// Returns what the visited fields mean; `None` if all are attributes.
    pub(crate) fn meaning(self) -> Option<Box<Meaning>> {
        self.meaning
    }

    fn role(&self, field: &Field) -> Option<Role> {
        let role = self.callsite.field(field)?.role;
        let remains = !self.of_event || matches!(role, Role::Error | Role::Content | Role::Ignored);
        Some(if remains { role } else { Role::Attribute })
    }

    fn set(&mut self, field: &Field, value: impl IntoValue) {
        match self.callsite.field(field) {
            Some(&KnownField { key, role: Role::Content }) => {
                let value = value.into_value().map(|value| names::parsed(key, value));
                self.attributes.set_content(Key::from_static(key), value);
            }
            None | Some(&KnownField { role: Role::Ignored, .. }) => {}
            // The library sets no `success` and no `error.type` of an event.
            Some(&KnownField { key, role: Role::ErrorMessage | Role::StatusMessage })
                if self.of_event =>
            {
                self.attributes.set_reserved_content(Key::from_static(key), value);
            }
            Some(&KnownField { key, .. }) if self.of_event => {
                self.attributes.set_reserved(Key::from_static(key), value);
            }
            Some(&KnownField { key, .. }) => {
                self.attributes.set(Key::from_static(key), value);
            }
        }
    }

    fn set_text(&mut self, field: &Field, text: impl AsRef<str> + IntoValue) {
        let Some(role) = self.role(field) else { return };
        let ends = || ["error", "success"].contains(&text.as_ref());
        if matches!(role, Role::Attribute | Role::Content | Role::Success | Role::Ignored)
            || (role == Role::ToolOutcome && !ends())
        {
            return self.set(field, text);
        }
        let text = text.as_ref();
        let Meaning { name, error, outcome } = &mut **self.meaning.get_or_insert_default();
        match role {
            Role::Name => *name = Some(text.to_owned()),
            Role::StatusCode => {
                let is = |code: &str| text.eq_ignore_ascii_case(code);
                outcome.failed = if is("error") { Some(true) } else { is("ok").then_some(false) };
            }
            Role::StatusMessage => outcome.message = Some(text.to_owned()),
            Role::Error => *error = Some(ErrorReport::from_message(ERROR, text)),
            Role::ErrorType => {
                outcome.failed = Some(true);
                outcome.kind = Some(text.to_owned());
            }
            Role::ErrorMessage => {
                outcome.failed = Some(true);
                outcome.message = Some(text.to_owned());
            }
            Role::ToolOutcome => outcome.failed = Some(text == "error"),
            Role::Attribute | Role::Content | Role::Success | Role::Ignored => {}
        }
    }

    fn fails(&mut self, failed: bool) {
        self.meaning.get_or_insert_default().outcome.failed = Some(failed);
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.set(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        match (self.role(field).filter(|_| !self.of_event), value) {
            (Some(Role::Error), false) => {}
            (Some(Role::Error), true) => self.fails(true),
            (Some(Role::Success), success) => self.fails(!success),
            _ => self.set(field, value),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set_text(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        if self.role(field) == Some(Role::Error) {
            self.meaning.get_or_insert_default().error = Some(ErrorReport::from_error(value));
        } else {
            self.record_debug(field, &format_args!("{value}"));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // A panic of user code must not stop the code that makes a span.
        match catch_unwind(AssertUnwindSafe(|| format!("{value:?}"))) {
            Ok(text) => self.set_text(field, text),
            Err(_) => {
                self.attributes.set(keys::COLLECTOR_ERROR, Value::from_static(PANICKED));
            }
        }
    }
}
