//! The public types cross `catch_unwind` freely.
//!
//! A processor is anybody's type and counts as unsafe to look at after a panic, and with it all
//! that leads to one: without these lines a struct would lose its unwind safety by becoming
//! traceable. It is safe, since locks ignore poison and a processor's own panics are caught.

use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::{Component, Context, FinishedSpan, ManualSpan, Span, TracerProvider};

macro_rules! unwind_safe {
    ($($type:ty),*) => {$(
        impl UnwindSafe for $type {}
        impl RefUnwindSafe for $type {}
    )*};
}

unwind_safe!(Component, Context, FinishedSpan, ManualSpan, Span, TracerProvider);
