//! Detection of a returned stream or iterator, whose items come after the end of the span.
//!
//! Methods are selected as in [`probe`](super::probe). Those of streams and iterators are
//! deprecated, because a macro can warn only in this way.

use std::ops::{Range, RangeFrom, RangeInclusive};

use futures_core::Stream;

/// A returned value that may be a stream or an iterator.
#[derive(Debug)]
pub struct Returned<'a, T>(pub &'a T);

/// Declares the forms of one priority.
macro_rules! late {
    ($name:ident for $receiver:ty, [$($generics:tt)*]) => {
        #[doc(hidden)]
        pub trait $name {
            #[deprecated(
                note = "the span ends when this stream or iterator is returned, before its first \
                        item; write `#[traced(stream)]` to end it with the last item (of an `impl \
                        Stream`, an `impl Iterator` or a box of one), or `#[traced(stream = \
                        false)]` if this is intended"
            )]
            fn span_ends_before_the_first_item(&self) {}
        }

        impl<$($generics)*> $name for $receiver {}
    };
}

/// Excepts values that are iterators, but are seldom returned as such.
pub mod except_ranges {
    use super::{Range, RangeFrom, RangeInclusive, Returned};

    #[doc(hidden)]
    pub trait Returned5 {
        fn span_ends_before_the_first_item(&self) {}
    }

    impl<T> Returned5 for &&&&&Returned<'_, Range<T>> {}
    impl<T> Returned5 for &&&&&Returned<'_, RangeFrom<T>> {}
    impl<T> Returned5 for &&&&&Returned<'_, RangeInclusive<T>> {}
    impl<T: ?Sized> Returned5 for &&&&&Returned<'_, &mut T> {}
}

late!(Returned4 for &&&&Returned<'_, T>, [T: Stream]);
late!(Returned3 for &&&Returned<'_, T>, [T: Iterator]);
late!(Returned2 for &&Returned<'_, Result<T, E>>, [T: Stream, E]);
late!(Returned1 for &Returned<'_, Result<T, E>>, [T: Iterator, E]);

#[doc(hidden)]
pub trait Returned0 {
    fn span_ends_before_the_first_item(&self) {}
}

impl<T> Returned0 for Returned<'_, T> {}
