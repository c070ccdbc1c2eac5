//! `#[traced]`: traced calls of a function.

mod async_fn;
mod expand;
mod options;
mod stream;

pub(crate) use expand::expand;
pub(crate) use stream::{Boxed, Streamed};
