//! Diagnostics as a value.

use std::{fmt, io::Write, sync::Mutex};

use super::{Categories, Category, Gate, Level, Line, handler};
use crate::base::sync::lock;
use raaf_trace_model::environment::Environment;

/// Writer of diagnostic lines of some categories and levels, to standard error or elsewhere.
///
/// The library itself uses the functions of [this module](super), which share one configuration per
/// process. Separate values are for tests.
#[derive(Debug)]
pub struct Diagnostics {
    gate: Gate,
    output: Output,
}

enum Output {
    StandardError,
    Writer(Mutex<Box<dyn Write + Send>>),
}

impl Diagnostics {
    /// Creates a writer of these categories up to this level, to standard error.
    pub fn new(categories: Categories, level: Level) -> Self {
        Self { gate: Gate::new(categories, level), output: Output::StandardError }
    }

    /// Creates a writer configured by `RAAF_DEBUG_CATEGORIES` and `RAAF_LOG_LEVEL`. An invalid
    /// variable has its default; [`Settings`](crate::settings::Settings) reports it.
    pub fn from_environment(environment: &Environment) -> Self {
        let categories =
            environment.read(Categories::VARIABLE, Categories::EXPECTED, Categories::parse);
        let level = environment.read(Level::VARIABLE, Level::EXPECTED, Level::parse_limit);
        match level.ok().flatten().unwrap_or(Some(Level::default())) {
            Some(level) => Self::new(categories.ok().flatten().unwrap_or_default(), level),
            None => Self::new(Categories::none(), Level::Error),
        }
    }

    /// Sets the destination.
    #[must_use]
    pub fn with_writer(self, writer: impl Write + Send + 'static) -> Self {
        Self { output: Output::Writer(Mutex::new(Box::new(writer))), ..self }
    }

    /// Returns whether lines of this category and level are enabled.
    pub fn enabled(&self, category: Category, level: Level) -> bool {
        self.gate.shows(category, level)
    }

    /// Writes a line, if its category and level are enabled. Ignores errors of the writer, which
    /// cannot be reported anywhere else.
    pub fn log(&self, category: Category, level: Level, text: fmt::Arguments<'_>) {
        if !self.enabled(category, level) {
            return;
        }
        // Formatted before locking: formatting a value may itself write a line.
        let line = Line::new(category, level, text);
        match &self.output {
            Output::StandardError => handler::to_standard_error(&line),
            Output::Writer(writer) => drop(writeln!(lock(writer), "{line}")),
        }
    }

    pub(super) fn gate(&self) -> Gate {
        self.gate
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StandardError => "StandardError",
            Self::Writer(_) => "Writer",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown(categories: &str, level: &str) -> String {
        let environment = Environment::from_pairs([
            ("RAAF_DEBUG_CATEGORIES", categories),
            ("RAAF_LOG_LEVEL", level),
        ]);
        let written = Shared::default();
        let diagnostics = Diagnostics::from_environment(&environment).with_writer(written.clone());
        for category in [Category::Http, Category::Tools] {
            for level in [Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace] {
                diagnostics.log(category, level, format_args!("x"));
            }
        }
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn errors_and_warnings_are_shown_unless_silenced() {
        let both = "raaf error [http] x\nraaf warn [http] x\n\
                    raaf error [tools] x\nraaf warn [tools] x\n";
        assert_eq!(shown("", ""), both);
        assert_eq!(shown("", "trace"), both);
        assert_eq!(shown("mistaken", "mistaken"), both);
        assert_eq!(shown("", "error"), "raaf error [http] x\nraaf error [tools] x\n");
        assert_eq!(shown("none", "trace"), "");
        assert_eq!(shown("all", "Off"), "");
    }

    #[test]
    fn the_rest_is_shown_for_listed_categories_up_to_the_level() {
        let all = shown("http", "debug");
        assert!(all.contains("raaf info [http] x\nraaf debug [http] x\n"), "{all}");
        assert!(!all.contains("trace") && !all.contains("debug [tools]"), "{all}");
        assert!(!shown("http", "info").contains("debug"));
        assert_eq!(shown("all", "trace").lines().count(), 10);
    }

    #[test]
    fn a_line_stays_one_line() {
        let written = Shared::default();
        let diagnostics =
            Diagnostics::new(Categories::default(), Level::Info).with_writer(written.clone());
        diagnostics.log(Category::Tools, Level::Warn, format_args!("{}", "a\nb\u{1b}[2J"));
        assert_eq!(*written.0.lock().unwrap(), b"raaf warn [tools] a\\nb\\u{1b}[2J\n");
    }

    #[test]
    fn a_writer_that_fails_harms_nobody() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::other("closed"))
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let diagnostics = Diagnostics::new(Categories::all(), Level::Trace).with_writer(Broken);
        diagnostics.log(Category::Api, Level::Error, format_args!("x"));
    }
}
