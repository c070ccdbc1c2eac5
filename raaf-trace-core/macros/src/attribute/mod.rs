//! `#[traced]`: every call of a function as a traced call.

mod async_fn;
mod expand;
mod options;

pub(crate) use expand::expand;
