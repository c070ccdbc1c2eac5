//! Span limits.

use std::sync::Arc;

use serde_json::Value as Json;
use smol_str::SmolStr;

use super::{Key, TRUNCATED, Value, fingerprint, json, start_of};
use crate::kind::Kind;

/// Limits of a span's size, and whether it records content.
///
/// Values and names beyond a limit are cut or left out when they are set, and counted; see
/// [`Attributes::losses`](super::Attributes::losses). Every limit has a meaning: 0 keeps none, or no
/// text.
///
/// ```
/// use raaf_trace_core::{Attributes, attributes::SpanLimits};
///
/// let limits = SpanLimits::default().with_max_value_bytes(20);
/// let mut attributes = Attributes::with_limits(limits);
/// attributes.set("note", "far too long for a limit of twenty bytes");
/// assert_eq!(attributes.get("note"), Some("far t... [truncated]".into()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanLimits {
    /// Maximum length of a name, in bytes: 256 by default. Names are those of components, methods,
    /// spans, events and workflows, kinds, group ids, and the keys of attributes and metadata.
    ///
    /// Backends allow attribute keys of about this length: 128 bytes in Google's Cloud Trace API and
    /// 512 in its OTLP API, 255 characters in New Relic.
    pub max_name_bytes: u32,
    /// Maximum length of a string, or of JSON as text, in bytes: 4,096 by default.
    pub max_value_bytes: u32,
    /// Maximum length of content (prompts, completions, tool arguments and results), in bytes:
    /// 100,000 by default.
    pub max_content_bytes: u32,
    /// Maximum number of attributes of a span or an event: 128 by default.
    pub max_attributes: u32,
    /// Maximum number of events of a span: 128 by default.
    pub max_events: u32,
    /// Maximum number of links of a span: 128 by default.
    pub max_links: u32,
    /// Records content; `true` by default. When `false`, content is not stored at all.
    pub include_content: bool,
}

impl SpanLimits {
    /// The default limits.
    pub const DEFAULT: Self = Self {
        max_name_bytes: 256,
        max_value_bytes: 4_096,
        max_content_bytes: 100_000,
        max_attributes: 128,
        max_events: 128,
        max_links: 128,
        include_content: true,
    };

    /// No limits, for attributes that are collected before their provider is known.
    pub const UNLIMITED: Self = Self {
        max_name_bytes: u32::MAX,
        max_value_bytes: u32::MAX,
        max_content_bytes: u32::MAX,
        max_attributes: u32::MAX,
        max_events: u32::MAX,
        max_links: u32::MAX,
        include_content: true,
    };

    /// Sets the maximum length of a name, in bytes.
    #[must_use]
    pub const fn with_max_name_bytes(mut self, bytes: u32) -> Self {
        self.max_name_bytes = bytes;
        self
    }

    /// Sets the maximum length of a string, or of JSON as text, in bytes.
    #[must_use]
    pub const fn with_max_value_bytes(mut self, bytes: u32) -> Self {
        self.max_value_bytes = bytes;
        self
    }

    /// Sets the maximum length of content, in bytes.
    #[must_use]
    pub const fn with_max_content_bytes(mut self, bytes: u32) -> Self {
        self.max_content_bytes = bytes;
        self
    }

    /// Sets the maximum number of attributes of a span or an event.
    #[must_use]
    pub const fn with_max_attributes(mut self, attributes: u32) -> Self {
        self.max_attributes = attributes;
        self
    }

    /// Sets the maximum number of events of a span.
    #[must_use]
    pub const fn with_max_events(mut self, events: u32) -> Self {
        self.max_events = events;
        self
    }

    /// Sets the maximum number of links of a span.
    #[must_use]
    pub const fn with_max_links(mut self, links: u32) -> Self {
        self.max_links = links;
        self
    }

    /// Sets whether content is recorded.
    #[must_use]
    pub const fn with_content(mut self, include: bool) -> Self {
        self.include_content = include;
        self
    }

    /// Returns whether a name of that many bytes has to be cut.
    #[inline]
    pub const fn cuts_name(&self, bytes: usize) -> bool {
        bytes > self.max_name_bytes as usize
    }

    /// Returns a name cut to its limit.
    #[inline]
    pub fn name(&self, name: &str) -> SmolStr {
        cut_plain(name, self.max_name_bytes as usize)
    }

    /// Returns a kind cut to its limit, if it has no variant.
    pub fn kind(&self, kind: &Kind) -> Kind {
        if self.cuts_name(kind.custom_len()) {
            return Kind::from(self.name(kind.as_str()).as_str());
        }
        kind.clone()
    }

    /// Cuts a name to its limit. Returns the number of cuts: 0 or 1.
    #[inline]
    pub fn fit_name(&self, name: &mut Key) -> u32 {
        let cut = self.cuts_name(name.len());
        if cut {
            *name = self.name(name).into();
        }
        u32::from(cut)
    }

    /// Cuts the value to its limit. Returns also the fingerprint of the whole value if it was cut.
    #[inline]
    pub(crate) fn fit(&self, value: Value, content: bool) -> (Value, Option<u64>) {
        let limit = if content { self.max_content_bytes } else { self.max_value_bytes } as usize;
        match value {
            Value::Str(text) if text.len() > limit => {
                let whole = Value::Str(text.clone()).fingerprint();
                (cut_text(&text, limit, content), Some(whole))
            }
            Value::Json(json) => fit_json(json, limit),
            fits => (fits, None),
        }
    }
}

impl Default for SpanLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cold]
fn cut_text(text: &str, limit: usize, content: bool) -> Value {
    // Tool arguments are often JSON text, which must stay parsable.
    if content
        && text.trim_start().starts_with(['{', '['])
        && let Ok(parsed) = serde_json::from_str::<Json>(text)
    {
        let json = json::cut(&parsed, limit).unwrap_or(parsed).to_string();
        if json.len() <= limit {
            return Value::Str(json.into());
        }
    }
    Value::Str(cut_plain(text, limit))
}

/// Cuts the text to the limit, between characters, and marks it.
pub fn cut_plain(text: &str, limit: usize) -> SmolStr {
    if text.len() <= limit {
        return SmolStr::new(text);
    }
    let (room, mark) = match limit.checked_sub(TRUNCATED.len()) {
        Some(room) => (room, TRUNCATED),
        None => (limit, ""),
    };
    let start = start_of(text, room);
    SmolStr::from_iter([start, mark])
}

fn fit_json(json: Arc<Json>, limit: usize) -> (Value, Option<u64>) {
    match json::cut(&json, limit) {
        Some(cut) => {
            let whole = fingerprint::of_json(&json);
            json::discard(json);
            (Value::Json(Arc::new(cut)), Some(whole))
        }
        None => (Value::Json(json), None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn limits(bytes: u32) -> SpanLimits {
        SpanLimits { max_value_bytes: bytes, max_content_bytes: bytes, ..SpanLimits::DEFAULT }
    }

    #[test]
    fn is_small() {
        assert!(size_of::<SpanLimits>() <= 28);
    }

    proptest! {
        #[test]
        fn a2_any_string_fits_any_limit(text in any::<String>(), limit in 0_u32..80) {
            let (value, cut) = limits(limit).fit(Value::from(text.as_str()), false);
            let kept = value.as_ref().as_str().unwrap();
            prop_assert!(kept.len() <= limit as usize);
            let cut = cut.is_some();
            prop_assert_eq!(cut, text.len() > limit as usize);
            let start = kept.strip_suffix(TRUNCATED).filter(|_| cut).unwrap_or(kept);
            prop_assert!(text.starts_with(start));
        }
    }

    #[test]
    fn a1_control_characters_are_carried() {
        let text = "a\0\u{7}\u{1b}[31m\u{202e}";
        assert_eq!(limits(40).fit(text.into(), false), (text.into(), None));
    }

    #[test]
    fn a2_strings_are_cut_between_characters() {
        let (value, _) = limits(20).fit("ééééééééééééé".into(), false);
        assert_eq!(value, "éé... [truncated]");
        let (tiny, _) = limits(3).fit("éé".into(), false);
        assert_eq!(tiny, "é");
    }

    #[test]
    fn a2_content_that_is_json_text_stays_json_text() {
        let text = json!({"query": "x".repeat(500), "limit": 3}).to_string();
        let (value, cut) = limits(100).fit(text.into(), true);
        let parsed: Json = serde_json::from_str(value.as_ref().as_str().unwrap()).unwrap();
        assert!(cut.is_some());
        assert_eq!(parsed["limit"], 3);
        assert!(parsed["query"].as_str().unwrap().ends_with(TRUNCATED));
    }

    #[test]
    fn a2_numbers_are_never_cut() {
        assert_eq!(limits(1).fit(Value::Int(123_456), false), (Value::Int(123_456), None));
    }
}
