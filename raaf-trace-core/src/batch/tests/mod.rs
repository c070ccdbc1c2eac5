//! What the whole queue holds.

mod bounds;
mod delivery;
mod ending;
mod retrying;
mod support;
