//! Replacements in a text.

use std::{cmp::Reverse, ops::Range};

/// Parts of a text to be replaced, in any order. Of nested ones, the outer one counts.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<(Range<usize>, String, u32)>);

impl Edits {
    /// Replaces the part, in which there are `count` secrets, by another text.
    pub(super) fn push(&mut self, part: Range<usize>, by: impl Into<String>, count: u32) {
        self.0.push((part, by.into(), count));
    }

    /// Returns the text with its parts replaced, and the number of secrets; `None` if there are
    /// none.
    pub(super) fn apply(mut self, text: &str) -> Option<(String, u32)> {
        if self.0.is_empty() {
            return None;
        }
        self.0.sort_by_key(|(part, ..)| (part.start, Reverse(part.end)));
        let (mut redacted, mut copied, mut total) = (String::with_capacity(text.len()), 0, 0_u32);
        for (part, by, count) in self.0 {
            if part.start >= copied {
                redacted.push_str(&text[copied..part.start]);
                redacted.push_str(&by);
                copied = part.end;
                total = total.saturating_add(count);
            }
        }
        redacted.push_str(&text[copied..]);
        Some((redacted, total))
    }
}
