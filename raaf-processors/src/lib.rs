//! Sinks for `raaf-trace-core`: what becomes of finished spans.

#[cfg(feature = "console")]
mod console;
#[cfg(feature = "file")]
mod file;
pub mod json;

#[cfg(feature = "console")]
pub use console::{ConsoleBuilder, ConsoleMode, ConsoleSink};
#[cfg(feature = "file")]
pub use file::{DEFAULT_PATH, FileSink};
