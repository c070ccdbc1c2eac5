//! Callsites of `tracing`, and what their spans and fields become.

use std::{
    cell::RefCell,
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    ptr,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
};

use raaf_trace_core::{Key, Kind, call::SpanTemplate, keys};
use tracing::{Metadata, field::Field};

use crate::{names, settings::Settings};

/// Number of layers of which a thread keeps the callsites.
const LAYERS: usize = 4;

/// Number of a layer in this process. Layers of two subscribers see the same ids for different spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LayerNumber(u64);

impl LayerNumber {
    /// In place of the layer's number, for spans of traces that are not sampled: nothing is kept for
    /// them, and of two that have the same id in two subscribers, it does not matter which one is left.
    pub(crate) const UNSAMPLED: Self = Self(0);

    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A layer, as its callsites know it.
#[derive(Debug)]
pub(crate) struct LayerFacts {
    pub(crate) settings: Settings,
    pub(crate) number: LayerNumber,
}

impl LayerFacts {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, number: LayerNumber::next() }
    }

    /// Returns a callsite as this layer treats it.
    pub(crate) fn callsite(&self, metadata: &'static Metadata<'static>) -> Rc<Callsite> {
        Callsite::of(self.number, &self.settings, metadata)
    }
}

/// A place in the program that makes spans or events, as a layer treats it. Each thread has its own, so
/// that threads do not contend for it, and keeps it when the layer is gone: it has no provider.
#[derive(Debug)]
pub(crate) struct Callsite {
    pub(crate) template: SpanTemplate,
    /// `true` if kind and name depend on the fields.
    pub(crate) has_operation: bool,
    fields: Box<[KnownField]>,
}

/// A field, as its layer treats it.
#[derive(Clone, Debug)]
pub(crate) struct KnownField {
    pub(crate) key: &'static str,
    pub(crate) role: Role,
}

/// Meaning of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Attribute,
    Content,
    /// `otel.name`.
    Name,
    /// `otel.status_code`.
    StatusCode,
    /// `otel.status_description`.
    StatusMessage,
    Error,
    ErrorType,
    ErrorMessage,
    Success,
    /// `gen_ai.tool.call.outcome`, of rig.
    ToolOutcome,
    /// Part of the description of a record by `tracing-log`, whose target is read elsewhere; the mark by
    /// which rig finds its own span.
    Ignored,
}

impl KnownField {
    pub(crate) fn of(name: &'static str, settings: &Settings) -> Self {
        let key = names::key_of(name);
        let role = match name {
            "otel.name" => Role::Name,
            "otel.status_code" => Role::StatusCode,
            "otel.status_description" | "otel.status_message" => Role::StatusMessage,
            "error" => Role::Error,
            keys::ERROR_TYPE | "gen_ai.tool.error.type" => Role::ErrorType,
            keys::ERROR_MESSAGE => Role::ErrorMessage,
            keys::SUCCESS => Role::Success,
            "gen_ai.tool.call.outcome" => Role::ToolOutcome,
            "log.target"
            | "log.module_path"
            | "log.file"
            | "log.line"
            | "rig.completion_parent" => Role::Ignored,
            _ if names::is_content(key) || settings.content.iter().any(|one| one == name) => {
                Role::Content
            }
            _ => Role::Attribute,
        };
        Self { key, role }
    }
}

impl Callsite {
    fn new(settings: &Settings, metadata: &'static Metadata<'static>) -> Self {
        let (target, method) = (metadata.target(), metadata.name());
        let names = || metadata.fields().iter().map(|field| field.name());
        Self {
            template: SpanTemplate::new(
                Kind::Component,
                Key::from_static(target),
                Key::from_static(method),
            ),
            // Fields that a span does not declare cannot be recorded later.
            has_operation: names().any(|name| name == keys::GEN_AI_OPERATION_NAME),
            fields: names().map(|name| KnownField::of(name, settings)).collect(),
        }
    }

    /// Returns what is known of one of its fields.
    pub(crate) fn field(&self, field: &Field) -> Option<&KnownField> {
        self.fields.get(field.index())
    }

    fn of(
        layer: LayerNumber,
        settings: &Settings,
        metadata: &'static Metadata<'static>,
    ) -> Rc<Self> {
        let address = ptr::from_ref(metadata).addr();
        let known = CALLSITES.try_with(|known| {
            let mut layers = known.borrow_mut();
            let mut evicted = None;
            let at = layers.iter().position(|(number, _)| *number == layer).unwrap_or_else(|| {
                evicted = (layers.len() == LAYERS).then(|| layers.remove(0));
                layers.push((layer, Callsites::default()));
                layers.len() - 1
            });
            let new = || Rc::new(Self::new(settings, metadata));
            (Rc::clone(layers[at].1.entry(address).or_insert_with(new)), evicted)
        });
        // What was evicted is dropped here, while nothing is borrowed.
        match known {
            Ok((callsite, _evicted)) => callsite,
            Err(_) => Rc::new(Self::new(settings, metadata)),
        }
    }
}

/// Callsites of a layer by the addresses of their metadata, which are never moved or freed.
type Callsites = HashMap<usize, Rc<Callsite>, BuildHasherDefault<OfAddress>>;

thread_local! {
    static CALLSITES: RefCell<Vec<(LayerNumber, Callsites)>> = const { RefCell::new(Vec::new()) };
}

/// Hash of an address: the map uses its lowest and its highest bits.
#[derive(Default)]
struct OfAddress(u64);

impl Hasher for OfAddress {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, value: usize) {
        let mixed = (self.0 ^ value as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }
}
