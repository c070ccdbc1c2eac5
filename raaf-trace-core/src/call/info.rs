//! Call metadata, collected before the span is created.

use std::cell::Cell;

use crate::context::parent::Parent;
use raaf_trace_model::attributes::{Attributes, Key, Value, ValueRef};

/// Options of a call beside its method. Usually none and thus a null pointer, so that a call with
/// tracing disabled costs next to nothing to prepare.
#[derive(Debug, Default)]
pub(crate) struct Extras(Option<Box<Given>>);

#[derive(Debug, Default)]
struct Given {
    /// Attributes as given; limits apply once there is a span.
    attributes: Vec<GivenAttribute>,
    parent: Option<Parent>,
}

#[derive(Debug)]
struct GivenAttribute {
    key: Key,
    value: Value,
    content: bool,
}

thread_local! {
    /// An empty box for reuse by the next call of this thread.
    static SPARE: Cell<Option<Box<Given>>> = const { Cell::new(None) };
}

/// Maximum capacity for attributes of the spare box.
const MOST_SPARE: usize = 64;

impl Extras {
    fn given(&mut self) -> &mut Given {
        self.0.get_or_insert_with(|| SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default())
    }

    #[inline]
    pub(crate) fn add(&mut self, key: Key, value: Option<Value>, content: bool) {
        if let Some(value) = value {
            self.given().attributes.push(GivenAttribute { key, value, content });
        }
    }

    pub(crate) fn set_parent(&mut self, parent: Parent) {
        self.given().parent = Some(parent);
    }

    /// Drops what was given; as a rule that is nothing, which is seen without a call.
    #[inline]
    pub(crate) fn discard(self) {
        if let Some(given) = self.0 {
            drop(given);
        }
    }

    #[inline]
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn take_parent(&mut self) -> Option<Parent> {
        self.0.as_mut()?.parent.take()
    }

    #[inline]
    pub(crate) fn add_to(self, attributes: &mut Attributes) {
        if let Some(given) = self.0 {
            given.add_to(attributes);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|given| given.attributes.is_empty())
    }

    /// Returns whether one of these differs in `attributes`; the last one of a key counts.
    pub(super) fn differ_from(&self, attributes: &Attributes) -> bool {
        let Some(given) = &self.0 else { return false };
        given.attributes.iter().enumerate().any(|(place, GivenAttribute { key, value, .. })| {
            attributes.differs(key, value)
                && !given.attributes[place + 1..].iter().any(|later| later.key == *key)
        })
    }

    fn attribute(&self, key: &str) -> Option<&Value> {
        let given = self.0.as_ref()?;
        Some(&given.attributes.iter().rev().find(|given| *given.key == *key)?.value)
    }
}

impl Given {
    fn add_to(mut self: Box<Self>, attributes: &mut Attributes) {
        for GivenAttribute { key, value, content } in self.attributes.drain(..) {
            if content {
                attributes.set_content(key, value);
            } else {
                attributes.set(key, value);
            }
        }
        self.parent = None;
        if self.attributes.capacity() <= MOST_SPARE {
            let _ = SPARE.try_with(|spare| spare.set(Some(self)));
        }
    }
}

/// Call metadata for [`Traceable::should_create_span`](crate::Traceable::should_create_span).
#[derive(Debug)]
pub struct CallInfo<'a> {
    method: &'a str,
    extras: &'a Extras,
    skip: bool,
}

impl<'a> CallInfo<'a> {
    pub(crate) fn new(method: &'a str, extras: &'a Extras, skip: bool) -> Self {
        Self { method, extras, skip }
    }

    /// Returns the called method.
    pub fn method(&self) -> &str {
        self.method
    }

    /// Returns the attribute of the call with this key; the last one if there are several.
    pub fn metadata(&self, key: &str) -> Option<ValueRef<'_>> {
        self.extras.attribute(key).map(ValueRef::from)
    }

    /// Returns the default decision: a span is created unless the call asked to be skipped.
    pub fn default_decision(&self) -> bool {
        !self.skip
    }
}
