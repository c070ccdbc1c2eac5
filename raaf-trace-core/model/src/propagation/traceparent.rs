//! The W3C `traceparent` header.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::id::{SpanId, TraceId};

const LENGTH: usize = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".len();

/// A parent span in another process, as in the W3C `traceparent` header.
///
/// Displays as the value of the header, version 00.
///
/// ```
/// # use raaf_trace_core::propagation::TraceParent;
/// let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let parent = TraceParent::parse(header)?;
/// assert!(parent.flags.is_sampled());
/// assert_eq!(parent.to_string(), header);
/// # Ok::<(), raaf_trace_core::propagation::TraceParentError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// Id of the trace.
    pub trace_id: TraceId,
    /// Id of the parent span.
    pub span_id: SpanId,
    /// Flags of the trace, including the sampling decision.
    pub flags: TraceFlags,
}

/// Flags of a trace. Unknown flags, such as the random-trace-id flag of W3C's level 2, are
/// propagated unchanged.
///
/// ```
/// # use raaf_trace_core::propagation::TraceFlags;
/// let flags = TraceFlags::from_u8(0b10);
/// assert!(!flags.is_sampled());
/// assert_eq!(flags.with_sampled(true).to_u8(), 0b11);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TraceFlags(u8);

impl TraceFlags {
    /// The flag of a sampled trace, without others.
    pub const SAMPLED: Self = Self(1);

    /// Creates flags from the byte that `traceparent` holds in hex.
    pub const fn from_u8(flags: u8) -> Self {
        Self(flags)
    }

    /// Returns the byte that `traceparent` holds in hex.
    pub const fn to_u8(self) -> u8 {
        self.0
    }

    /// Returns whether the trace is sampled.
    pub const fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED.0 != 0
    }

    /// Sets whether the trace is sampled.
    #[must_use]
    pub const fn with_sampled(self, sampled: bool) -> Self {
        Self(self.0 & !Self::SAMPLED.0 | sampled as u8)
    }
}

/// Error of parsing a `traceparent`. Treat the header as absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TraceParentError {
    /// The value is too short, or too long for its version.
    #[error("traceparent has {found} bytes; expected {LENGTH}")]
    Length {
        /// Length in bytes.
        found: usize,
    },
    /// A separator between fields is missing.
    #[error("traceparent has no `-` at byte {position}")]
    Separator {
        /// Position of the missing separator, from 1.
        position: usize,
    },
    /// A field contains characters other than lower-case hex digits.
    #[error("the {field} of traceparent {} not all lower-case hex digits", if *field == "flags" { "are" } else { "is" })]
    Digits {
        /// Name of the field.
        field: &'static str,
    },
    /// The version is ff, which is invalid.
    #[error("traceparent has the invalid version ff")]
    Version,
    /// There are several header lines, none of which can be trusted.
    #[error("found {found} traceparent headers; expected one")]
    Repeated {
        /// Number of lines.
        found: usize,
    },
    /// An id is all zeros, which means that there is none.
    #[error("the {field} of traceparent is all zeros")]
    Zero {
        /// Name of the field.
        field: &'static str,
    },
}

impl TraceParent {
    /// Parses the value of a header. Later versions than 00 are read by the fields they share with
    /// it, without flags unknown to this version; surrounding spaces and tabs are ignored.
    ///
    /// # Errors
    ///
    /// Returns an error if the value is invalid by the W3C specification.
    pub fn parse(value: &str) -> Result<Self, TraceParentError> {
        let bytes = value.trim_matches([' ', '\t']).as_bytes();
        if bytes.len() < LENGTH {
            return Err(TraceParentError::Length { found: bytes.len() });
        }
        for index in [2, 35, 52] {
            if bytes[index] != b'-' {
                return Err(TraceParentError::Separator { position: index + 1 });
            }
        }
        let version = hex(&bytes[..2], "version")?;
        let trace_id = hex(&bytes[3..35], "trace id")?;
        let span_id = hex(&bytes[36..52], "span id")?;
        let mut flags = TraceFlags(hex(&bytes[53..LENGTH], "flags")? as u8);
        match (version, bytes.get(LENGTH)) {
            (0xff, _) => return Err(TraceParentError::Version),
            (0, Some(_)) => return Err(TraceParentError::Length { found: bytes.len() }),
            (_, None | Some(b'-')) => {}
            (_, Some(_)) => return Err(TraceParentError::Separator { position: LENGTH + 1 }),
        }
        if version != 0 {
            flags = TraceFlags(flags.0 & TraceFlags::SAMPLED.0);
        }
        Ok(Self {
            trace_id: TraceId::from_u128(trace_id)
                .ok_or(TraceParentError::Zero { field: "trace id" })?,
            span_id: SpanId::from_u64(span_id as u64)
                .ok_or(TraceParentError::Zero { field: "span id" })?,
            flags,
        })
    }
}

fn hex(digits: &[u8], field: &'static str) -> Result<u128, TraceParentError> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return Err(TraceParentError::Digits { field }),
        };
        Ok(value << 4 | u128::from(digit))
    })
}

impl FromStr for TraceParent {
    type Err = TraceParentError;

    fn from_str(value: &str) -> Result<Self, TraceParentError> {
        Self::parse(value)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = self.flags.to_u8();
        write!(f, "00-{}-{}-{flags:02x}", self.trace_id.hex(), self.span_id.hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn parse(version: &str, rest: &str) -> Result<TraceParent, TraceParentError> {
        TraceParent::parse(&format!("{version}-{TRACE}-{SPAN}-{rest}"))
    }

    #[test]
    fn p3_version_00_is_read_and_written() {
        let parent = parse("00", "01").unwrap();
        assert_eq!(parent.trace_id.hex().as_str(), TRACE);
        assert_eq!(parent.span_id.hex().as_str(), SPAN);
        assert_eq!(parent.to_string().parse(), Ok(parent));
        let unsampled = TraceParent { flags: TraceFlags::default(), ..parent };
        assert!(unsampled.to_string().ends_with("-00"));
        assert_eq!(unsampled.to_string().parse(), Ok(unsampled));
    }

    #[test]
    fn p3_the_lowest_flag_decides_and_the_others_go_on() {
        assert!(parse("00", "ff").unwrap().flags.is_sampled());
        let random = parse("00", "02").unwrap();
        assert!(!random.flags.is_sampled());
        assert!(random.to_string().ends_with("-02"));
        // Flags of later versions have no meaning in this version, so they are not propagated.
        assert!(parse("cc", "ff").unwrap().to_string().ends_with("-01"));
    }

    #[test]
    fn p3_higher_versions_are_read_by_what_they_share() {
        for rest in ["01", "01-", "01-what-comes-later"] {
            assert!(parse("cc", rest).unwrap().flags.is_sampled(), "{rest}");
        }
        assert_eq!(parse("cc", "01.x"), Err(TraceParentError::Separator { position: 56 }));
        assert_eq!(parse("00", "01-x"), Err(TraceParentError::Length { found: 57 }));
    }

    #[test]
    fn p3_space_around_the_value_is_ignored() {
        let value = format!(" \t00-{TRACE}-{SPAN}-01 ");
        assert!(TraceParent::parse(&value).is_ok());
    }

    #[test]
    fn p3_malformed_values_say_what_is_wrong() {
        let message = |value: &str| TraceParent::parse(value).unwrap_err().to_string();
        let zeros = "0".repeat(32);
        for (value, text) in [
            (String::new(), "traceparent has 0 bytes; expected 55"),
            (format!("00-{TRACE}-{SPAN}-0"), "traceparent has 54 bytes; expected 55"),
            (format!("00-{TRACE}-{SPAN}-010"), "traceparent has 56 bytes; expected 55"),
            (format!("00-{TRACE}_{SPAN}-01"), "traceparent has no `-` at byte 36"),
            (format!("ff-{TRACE}-{SPAN}-01"), "traceparent has the invalid version ff"),
            (
                format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
                "the trace id of traceparent is not all lower-case hex digits",
            ),
            (
                format!("0x-{TRACE}-{SPAN}-01"),
                "the version of traceparent is not all lower-case hex digits",
            ),
            (
                format!("00-{TRACE}-{SPAN}-0X"),
                "the flags of traceparent are not all lower-case hex digits",
            ),
            (
                format!("00-{TRACE}-é{}-01", &SPAN[2..]),
                "the span id of traceparent is not all lower-case hex digits",
            ),
            (format!("00-{zeros}-{SPAN}-01"), "the trace id of traceparent is all zeros"),
            (format!("00-{TRACE}-{}-01", &zeros[16..]), "the span id of traceparent is all zeros"),
        ] {
            assert_eq!(message(&value), text, "{value}");
        }
    }
}
