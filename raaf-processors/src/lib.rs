//! Sinks for `raaf-trace-core`, registered by name.
