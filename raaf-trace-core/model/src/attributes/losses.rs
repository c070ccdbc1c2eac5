//! What limits took from attributes.

/// What was not kept as it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttributeLosses {
    /// Values that were cut to their limit.
    pub cut_values: u32,
    /// Attributes left out because there were as many as allowed.
    pub dropped_attributes: u32,
    /// Attributes ignored because their key is reserved.
    pub reserved_ignored: u32,
    /// Content left out because [`SpanLimits::include_content`](crate::attributes::SpanLimits::include_content) is off.
    pub content_left_out: u32,
}

impl AttributeLosses {
    /// Whether everything was kept.
    #[inline]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
