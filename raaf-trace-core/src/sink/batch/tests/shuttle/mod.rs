//! What the queue holds whichever thread goes on at each step. Runs with `--cfg shuttle` only; see
//! CONTRIBUTING.md.

mod bounds;
mod delivery;
mod ending;
mod support;
