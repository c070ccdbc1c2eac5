//! Merging of attribute lists.

use super::{AttributeEntry, Attributes, Key, Value, is_reserved};

impl Attributes {
    /// Sets every attribute of `other`, subject to the limits and rules of `self`, and adds its
    /// losses.
    pub fn merge(&mut self, other: Self) -> &mut Self {
        self.merge_by(other, Self::set_checked)
    }

    /// Does the same as [`merge`](Self::merge), and keeps reserved keys that
    /// [`set_reserved`](Self::set_reserved) or
    /// [`set_reserved_content`](Self::set_reserved_content) has set in `other`. For attributes of events.
    pub fn merge_reserved(&mut self, other: Self) -> &mut Self {
        self.merge_by(other, |own, key, value, content| {
            if is_reserved(&key) && !own.limits.cuts_name(key.len()) {
                own.put(key, value, content);
            } else {
                own.set_checked(key, value, content);
            }
        })
    }

    fn merge_by(&mut self, other: Self, set: impl Fn(&mut Self, Key, Value, bool)) -> &mut Self {
        self.losses.add(other.losses);
        self.fingerprints.extend(other.fingerprints);
        for AttributeEntry { key, value, content, on_demand } in other.entries {
            if content && !self.limits.include_content {
                self.leave_out(key, value);
            } else if on_demand {
                self.set_on_demand(key, value);
            } else {
                set(self, key, value, content);
            }
        }
        self
    }
}
