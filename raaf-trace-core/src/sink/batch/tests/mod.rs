//! Tests of the whole queue.

#[cfg(not(shuttle))]
mod bounds;
#[cfg(not(shuttle))]
mod delivery;
#[cfg(not(shuttle))]
mod ending;
#[cfg(not(shuttle))]
mod retrying;
#[cfg(shuttle)]
mod shuttle;
#[cfg(not(shuttle))]
mod support;
