//! Trace and span ids.

mod generate;
mod parse;
mod text;

use std::{
    fmt,
    num::{NonZeroU64, NonZeroU128},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use generate::{IdGenerator, SequentialIds};
pub use parse::{IdFault, ParseIdError};
pub use text::IdText;
pub(crate) use text::hex;

/// Id of a trace: 128 bits, never zero, W3C-compatible.
///
/// Displays as `trace_` and 32 hex digits; [`parse`](Self::parse) reads that and the digits alone.
///
/// ```
/// # use raaf_trace_core::TraceId;
/// let id = TraceId::parse("trace_0af7651916cd43dd8448eb211c80319c")?;
/// assert_eq!(id.hex().as_str(), "0af7651916cd43dd8448eb211c80319c");
/// assert_eq!(TraceId::parse(&id.hex())?, id);
/// # Ok::<(), raaf_trace_core::id::ParseIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(NonZeroU128);

/// Id of a span: 64 bits, never zero, W3C-compatible.
///
/// Displays as `span_` and 16 hex digits; [`parse`](Self::parse) reads that and the digits alone.
///
/// ```
/// # use raaf_trace_core::SpanId;
/// let id = SpanId::parse("b7ad6b7169203331")?;
/// assert_eq!(id.to_string(), "span_b7ad6b7169203331");
/// # Ok::<(), raaf_trace_core::id::ParseIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId(NonZeroU64);

impl TraceId {
    /// Creates a random id, unique for all practical purposes across processes and machines.
    pub fn random() -> Self {
        generate::first_some(|| {
            let (high, low) = (generate::random(), generate::random());
            Self::from_u128(u128::from(high) << 64 | u128::from(low))
        })
    }

    /// Creates an id from a number; `None` for zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::TraceId;
    ///
    /// assert_eq!(TraceId::from_u128(0), None);
    /// assert_eq!(TraceId::from_u128(7).map(TraceId::to_u128), Some(7));
    /// ```
    pub fn from_u128(value: u128) -> Option<Self> {
        NonZeroU128::new(value).map(Self)
    }

    /// Returns the id as a number.
    pub fn to_u128(self) -> u128 {
        self.0.get()
    }

    /// Creates an id from bytes, most significant first; `None` if all are zero.
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        Self::from_u128(u128::from_be_bytes(bytes))
    }

    /// Returns the id's bytes, most significant first.
    pub fn to_bytes(self) -> [u8; 16] {
        self.to_u128().to_be_bytes()
    }

    /// Parses 32 hex digits of either case, with or without the prefix `trace_`.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is anything else, or all zeros.
    pub fn parse(text: &str) -> Result<Self, ParseIdError> {
        let value = parse::hex(text, "trace", 32)?;
        Self::from_u128(value).ok_or(ParseIdError::new("trace", IdFault::Zero))
    }

    /// Returns the 32 digits without a prefix, as in W3C and OpenTelemetry.
    pub fn hex(self) -> IdText {
        IdText::new("", self.to_bytes())
    }

    /// Returns the displayed form without allocating.
    pub fn text(self) -> IdText {
        IdText::new("trace_", self.to_bytes())
    }
}

impl SpanId {
    /// The smallest id, for places that are written over.
    #[doc(hidden)]
    pub const MIN: Self = Self(NonZeroU64::MIN);

    /// Creates a random id, unique for all practical purposes within a trace.
    pub fn random() -> Self {
        generate::first_some(|| Self::from_u64(generate::random()))
    }

    /// Creates an id from a number; `None` for zero.
    pub fn from_u64(value: u64) -> Option<Self> {
        NonZeroU64::new(value).map(Self)
    }

    /// Returns the id as a number.
    pub fn to_u64(self) -> u64 {
        self.0.get()
    }

    /// Creates an id from bytes, most significant first; `None` if all are zero.
    pub fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        Self::from_u64(u64::from_be_bytes(bytes))
    }

    /// Returns the id's bytes, most significant first.
    pub fn to_bytes(self) -> [u8; 8] {
        self.to_u64().to_be_bytes()
    }

    /// Parses 16 hex digits of either case, with or without the prefix `span_`.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is anything else, or all zeros.
    pub fn parse(text: &str) -> Result<Self, ParseIdError> {
        let value = parse::hex(text, "span", 16)?;
        Self::from_u64(value as u64).ok_or(ParseIdError::new("span", IdFault::Zero))
    }

    /// Returns the 16 digits without a prefix, as in W3C and OpenTelemetry.
    pub fn hex(self) -> IdText {
        IdText::new("", self.to_bytes())
    }

    /// Returns the displayed form without allocating.
    pub fn text(self) -> IdText {
        IdText::new("span_", self.to_bytes())
    }
}

macro_rules! shown_as_text {
    ($($id:ident)*) => { $(
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.text())
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text())
            }
        }

        impl FromStr for $id {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                Self::parse(text)
            }
        }

        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.text())
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(de::Error::custom)
            }
        }
    )* };
}

shown_as_text!(TraceId SpanId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_small_and_leave_room_for_none() {
        assert_eq!(size_of::<Option<TraceId>>(), 16);
        assert_eq!(size_of::<Option<SpanId>>(), 8);
    }

    #[test]
    fn both_forms_are_shown_and_read() {
        let trace = TraceId::from_u128(0xabc).unwrap();
        let shown = "trace_00000000000000000000000000000abc";
        assert_eq!(trace.to_string(), shown);
        assert_eq!(format!("{trace:?}"), shown);
        assert_eq!(trace.hex().as_str(), &shown[6..]);
        assert_eq!(shown.parse(), Ok(trace));
        assert_eq!(shown[6..].parse(), Ok(trace));

        let span = SpanId::from_u64(u64::MAX).unwrap();
        assert_eq!(span.to_string(), "span_ffffffffffffffff");
        assert_eq!("span_FFFFFFFFFFFFFFFF".parse(), Ok(span));
        assert_eq!(SpanId::parse(&span.hex()), Ok(span));
    }

    #[test]
    fn display_honours_width() {
        let span = SpanId::from_u64(1).unwrap();
        assert_eq!(format!("{span:>23}"), "  span_0000000000000001");
    }

    #[test]
    fn bytes_are_most_significant_first() {
        let trace = TraceId::from_u128(1).unwrap();
        assert_eq!(trace.to_bytes()[15], 1);
        assert_eq!(TraceId::from_bytes(trace.to_bytes()), Some(trace));
        assert_eq!(TraceId::from_bytes([0; 16]), None);
        let span = SpanId::from_u64(0x0102).unwrap();
        assert_eq!(span.to_bytes()[6..], [1, 2]);
        assert_eq!(SpanId::from_bytes(span.to_bytes()), Some(span));
        assert_eq!(SpanId::from_bytes([0; 8]), None);
    }

    #[test]
    fn serde_uses_the_shown_form() {
        let ids = (TraceId::random(), SpanId::random());
        let json = serde_json::to_string(&ids).unwrap();
        assert_eq!(json, format!("[\"{}\",\"{}\"]", ids.0, ids.1));
        assert_eq!(serde_json::from_str::<(TraceId, SpanId)>(&json).unwrap(), ids);
        assert!(serde_json::from_str::<SpanId>("\"span_0\"").is_err());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let message = |text| TraceId::parse(text).unwrap_err().to_string();
        assert_eq!(message("trace_12"), "not a trace id: 2 characters instead of 32 hex digits");
        assert_eq!(
            message("0af7651916cd43dd8448eb211c80319g"),
            "not a trace id: `g` at digit 32 is not a hex digit"
        );
        assert_eq!(message(&"0".repeat(32)), "not a trace id: all digits are zero");
        assert_eq!(
            SpanId::parse("trace_00000000000").unwrap_err().to_string(),
            "not a span id: 17 characters instead of 16 hex digits"
        );
        assert!(SpanId::parse("+000000000000001").is_err());
        assert!(SpanId::parse("ääääääää").is_err());
    }
}
