//! Attributes of spans and events: typed values under string keys.
//!
//! Limits, reserved keys and the content switch are applied when attributes are set, so readers
//! need no checks.

mod collection;
mod entry;
mod fingerprint;
mod into_value;
pub(crate) mod json;
mod key;
mod limits;
mod list;
mod losses;
mod packed;
mod reserved;
mod serializer;
mod value;
mod value_ref;

pub use entry::AttributeEntry;
pub use into_value::IntoValue;
pub use into_value::in_milliseconds;
pub use key::Key;
pub(crate) use key::Text;
pub use limits::SpanLimits;
pub use limits::cut_plain;
pub use list::Attributes;
pub use losses::AttributeLosses;
#[cfg(test)]
pub(crate) use packed::MOST_COPIED;
pub(crate) use packed::{Extent, PackedAttributes, Unpack};
pub use value::Value;
pub use value_ref::ValueRef;

/// Maximum depth of arrays and objects in a JSON value. Deeper levels are cut, so that code that
/// walks a stored value, including `serde_json`, needs little stack.
const MAX_DEPTH: usize = 64;

/// Mark that replaces what was cut.
pub(crate) const TRUNCATED: &str = "... [truncated]";

/// Returns the longest prefix of `text` of at most `bytes` bytes that ends at a character boundary.
fn start_of(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}
