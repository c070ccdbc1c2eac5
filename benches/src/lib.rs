//! Cost of tracing: the same work with any tool, measured in the same way.
//!
//! Every [`Tool`](tool::Tool) does the same [`workload`], every finished span goes complete to the
//! same [`collector`], and [`measure`] takes the time. A [`compare::Row`] is a workload with the
//! tools that can do it; each is measured in a process of its own. `README.md` beside the manifest
//! says what each row means.

pub mod collector;
pub mod compare;
pub mod facts;
pub mod measure;
pub mod raaf;
pub mod tool;
pub mod workload;
