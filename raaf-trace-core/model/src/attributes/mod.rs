//! Attributes: what a span or an event says about itself, as typed values under string keys.
//!
//! Everything that is promised about them is kept when they are written (limits, reserved keys,
//! the content switch), so that whoever reads them later needs no checks.

mod fingerprint;
mod into_value;
pub(crate) mod json;
mod key;
mod limits;
mod list;
mod losses;
mod reserved;
mod serializer;
mod value;
mod value_ref;

pub use into_value::IntoValue;
pub use into_value::in_milliseconds;
pub use key::Key;
pub(crate) use key::Text;
pub use limits::SpanLimits;
pub use limits::cut_plain;
pub use list::{AttributeEntry, Attributes};
pub use losses::AttributeLosses;
pub use value::Value;
pub use value_ref::ValueRef;

/// How many levels of arrays and objects a JSON value may have. What is deeper is cut, so that
/// everything that walks a stored value, `serde_json` itself included, needs little stack.
const MAX_DEPTH: usize = 64;

/// What stands where something was cut.
pub(crate) const TRUNCATED: &str = "... [truncated]";

/// The longest start of `text` of at most `bytes` bytes that ends between characters.
fn start_of(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}
