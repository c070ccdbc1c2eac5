//! All attributes of a finished span, stored or derived.

use std::fmt;

use super::{FinishedSpan, Status};
use crate::{
    attributes::{Attributes, ValueRef},
    keys,
    type_name::short_type_name,
};

/// All attributes of a finished span.
///
/// Attributes that follow from the component and the outcome are not stored with every span; they
/// are derived here, and read like any other attribute.
#[derive(Clone, Copy)]
pub struct SpanAttributes<'a> {
    span: &'a FinishedSpan,
}

/// Derived attributes, in the order they are listed.
const BASE: [&str; 2] = [keys::COMPONENT_TYPE, keys::COMPONENT_NAME];
const OUTCOME: [&str; 7] = [
    keys::RESULT_TYPE,
    keys::RESULT_SUCCESS,
    keys::SUCCESS,
    keys::DURATION_MS,
    keys::ERROR_TYPE,
    keys::ERROR_MESSAGE,
    keys::ERROR_CHAIN,
];

impl<'a> SpanAttributes<'a> {
    pub(super) fn new(span: &'a FinishedSpan) -> Self {
        Self { span }
    }

    /// Returns the value of an attribute.
    pub fn get(&self, key: &str) -> Option<ValueRef<'a>> {
        self.span.body.attributes.get(key).or_else(|| self.derived(key))
    }

    /// Returns all attributes: component, those that were set, and outcome.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, ValueRef<'a>)> + use<'a> {
        let this = *self;
        let derived = move |key: &'static str| {
            let stored = this.span.body.attributes.contains(key);
            if stored { None } else { Some((key, this.derived(key)?)) }
        };
        let set = this.span.body.attributes.iter();
        BASE.into_iter()
            .filter_map(derived)
            .chain(set)
            .chain(OUTCOME.into_iter().filter_map(derived))
    }

    /// Returns only the attributes that were set: by the component, with the call, or while it ran.
    pub fn stored(&self) -> &'a Attributes {
        &self.span.body.attributes
    }

    /// Returns the value of a derived attribute, even if another was set under its key.
    pub(super) fn derived(self, key: &str) -> Option<ValueRef<'a>> {
        let (span, body) = (self.span, &self.span.body);
        match key {
            keys::COMPONENT_TYPE => Some(ValueRef::Str(span.kind().as_str())),
            keys::COMPONENT_NAME => Some(ValueRef::Str(span.component_name())),
            keys::RESULT_TYPE => body.result_type.map(|name| ValueRef::Str(short_type_name(name))),
            keys::RESULT_SUCCESS => {
                body.result_type.map(|_| ValueRef::Bool(body.status == Status::Ok))
            }
            keys::SUCCESS => body.status.success().map(ValueRef::Bool),
            keys::DURATION_MS => Some(ValueRef::Float(span.duration_ms())),
            keys::ERROR_TYPE => body.error.as_ref().map(|error| ValueRef::Str(error.kind())),
            keys::ERROR_MESSAGE => {
                body.error.as_ref().and_then(|error| error.message()).map(ValueRef::Str)
            }
            keys::ERROR_CHAIN => {
                body.error.as_ref().and_then(|error| error.sources()).map(ValueRef::Json)
            }
            _ => None,
        }
    }
}

impl fmt::Debug for SpanAttributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
