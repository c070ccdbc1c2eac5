//! Procedural macros of `raaf-trace-core`; use them from there.
