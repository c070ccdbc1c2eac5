//! Losses of attributes.

/// Counts of attributes that were not stored as given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttributeLosses {
    /// Values that were cut to their limit.
    pub cut_values: u32,
    /// Attributes left out because the maximum number was reached.
    pub dropped_attributes: u32,
    /// Attributes ignored because their key is reserved.
    pub reserved_ignored: u32,
    /// Content left out because [`SpanLimits::include_content`](crate::attributes::SpanLimits::include_content) is off.
    pub content_left_out: u32,
}

impl AttributeLosses {
    /// Returns whether everything was stored.
    #[inline]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
