//! Tests of the queue under any schedule. Run with `--cfg shuttle` only; see CONTRIBUTING.md.

mod bounds;
mod delivery;
mod ending;
mod support;
