//! What tracing costs, beside what others cost, measured in one run.
//!
//! Every [`tool`] under test does the same [`workload`], every finished span goes complete to the
//! same [`collector`], and [`measure`] takes the time. A [`row`] is a workload with the tools that
//! can do it; [`child`] measures each in a process of its own, and [`report`] puts the rows into
//! tables. `README.md` beside the manifest says what each row means.

pub mod child;
pub mod collector;
pub mod delivered;
pub mod facts;
pub mod measure;
pub mod report;
pub mod row;
pub mod tool;
pub mod workload;
