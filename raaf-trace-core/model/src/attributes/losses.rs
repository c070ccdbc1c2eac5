//! Losses of attributes.

/// Counts of attributes that were not stored as given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttributeLosses {
    /// Values and names that were cut to their limit.
    pub cut_values: u32,
    /// Attributes left out because the maximum number was reached.
    pub dropped_attributes: u32,
    /// Attributes ignored because their key is reserved.
    pub reserved_ignored: u32,
    /// Content left out because [`SpanLimits::include_content`](crate::attributes::SpanLimits::include_content) is off.
    pub content_left_out: u32,
}

impl AttributeLosses {
    pub(super) const NONE: Self =
        Self { cut_values: 0, dropped_attributes: 0, reserved_ignored: 0, content_left_out: 0 };

    pub(super) fn add(&mut self, others: Self) {
        let add = |own: &mut u32, others: u32| *own = own.saturating_add(others);
        add(&mut self.cut_values, others.cut_values);
        add(&mut self.dropped_attributes, others.dropped_attributes);
        add(&mut self.reserved_ignored, others.reserved_ignored);
        add(&mut self.content_left_out, others.content_left_out);
    }

    /// Returns whether everything was stored.
    #[inline]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
