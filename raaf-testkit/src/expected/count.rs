//! Repetition counts.

use std::{
    fmt,
    ops::{Range, RangeFrom, RangeInclusive, RangeToInclusive},
};

/// Number of repetitions: exact, or a range.
///
/// # Examples
///
/// ```
/// use raaf_testkit::Node;
///
/// assert_eq!(format!("{:?}", Node::new("tool", "search").times(2..=4)), "tool \"search\" x 2..=4");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    least: usize,
    most: usize,
}

impl Count {
    pub(crate) const ONE: Self = Self { least: 1, most: 1 };
    pub(crate) const SOME: Self = Self { least: 1, most: usize::MAX };

    pub(crate) fn least(self) -> usize {
        self.least
    }

    /// Returns the upper bound; `usize::MAX` if there is none.
    pub(crate) fn most(self) -> usize {
        self.most
    }

    pub(crate) fn allows(self, count: usize) -> bool {
        (self.least..=self.most).contains(&count)
    }
}

impl From<usize> for Count {
    fn from(exactly: usize) -> Self {
        Self { least: exactly, most: exactly }
    }
}

impl From<RangeInclusive<usize>> for Count {
    fn from(range: RangeInclusive<usize>) -> Self {
        Self { least: *range.start(), most: *range.end() }
    }
}

impl From<Range<usize>> for Count {
    /// A range without numbers becomes one that nothing fits.
    fn from(range: Range<usize>) -> Self {
        match range.end.checked_sub(1) {
            Some(most) => Self { least: range.start, most },
            None => Self { least: 1, most: 0 },
        }
    }
}

impl From<RangeFrom<usize>> for Count {
    fn from(range: RangeFrom<usize>) -> Self {
        Self { least: range.start, most: usize::MAX }
    }
}

impl From<RangeToInclusive<usize>> for Count {
    fn from(range: RangeToInclusive<usize>) -> Self {
        Self { least: 0, most: range.end }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (least, most) if least == most => write!(f, "{least}"),
            (least, usize::MAX) => write!(f, "{least}.."),
            (0, most) => write!(f, "..={most}"),
            (least, most) => write!(f, "{least}..={most}"),
        }
    }
}
