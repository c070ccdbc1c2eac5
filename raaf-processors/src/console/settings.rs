//! Console settings from the environment.

use anstream::ColorChoice;
use raaf_trace_model::environment::{Environment, SettingsError};

use super::{ConsoleBuilder, ConsoleMode};

const MODE: &str = "RAAF_TRACE_CONSOLE_MODE";
const DETAILED: &str = "RAAF_TRACE_CONSOLE_DETAILED";
const COLOR: &str = "RAAF_TRACE_CONSOLE_COLOR";
const STREAM: &str = "RAAF_TRACE_CONSOLE_STREAM";

#[cfg(feature = "live")]
const MODES: &str = "one of tree, lines, live";
#[cfg(not(feature = "live"))]
const MODES: &str = "tree or lines (live requires the feature `live` of raaf-processors)";

/// Reads a builder from the variables.
pub(super) fn read(environment: &Environment) -> Result<ConsoleBuilder, SettingsError> {
    let mut builder = ConsoleBuilder::default();
    if let Some(mode) = environment.read(MODE, MODES, mode)? {
        builder = builder.mode(mode);
    }
    if let Some(detailed) = environment.flag(DETAILED)? {
        builder = builder.detailed(detailed);
    }
    match environment.read(COLOR, "one of auto, always, never", color)? {
        Some(ColorChoice::Always) => builder = builder.color(true),
        Some(ColorChoice::Never) => builder = builder.color(false),
        // Only here: the console's own variable takes precedence over the one for all programs.
        _ if environment.get_os("NO_COLOR").is_some() => builder = builder.color(false),
        _ => {}
    }
    if environment.read(STREAM, "stdout or stderr", is_stderr)? == Some(true) {
        builder = builder.stderr();
    }
    Ok(builder)
}

/// Finds the value for a word, ignoring case.
fn choose<T: Copy>(text: &str, words: &[(&str, T)]) -> Option<T> {
    words.iter().find(|(word, _)| text.eq_ignore_ascii_case(word)).map(|&(_, meaning)| meaning)
}

fn mode(text: &str) -> Option<ConsoleMode> {
    let words = [
        ("tree", ConsoleMode::Tree),
        ("lines", ConsoleMode::Lines),
        #[cfg(feature = "live")]
        ("live", ConsoleMode::Live),
    ];
    choose(text, &words)
}

fn color(text: &str) -> Option<ColorChoice> {
    let words = [
        ("auto", ColorChoice::Auto),
        ("always", ColorChoice::Always),
        ("never", ColorChoice::Never),
    ];
    choose(text, &words)
}

fn is_stderr(text: &str) -> Option<bool> {
    choose(text, &[("stdout", false), ("stderr", true)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Result<String, SettingsError> {
        let environment = Environment::from_pairs(pairs.iter().copied());
        read(&environment).map(|builder| format!("{builder:?}"))
    }

    #[track_caller]
    fn assert_reads(pairs: &[(&str, &str)], expected: &ConsoleBuilder) {
        assert_eq!(settings(pairs), Ok(format!("{expected:?}")));
    }

    #[test]
    fn each_variable_has_its_part() {
        let console = ConsoleBuilder::default;
        assert_reads(&[], &console());
        assert_reads(&[(MODE, "Tree"), (COLOR, "auto"), (STREAM, "stdout")], &console());
        assert_reads(&[(MODE, " LINES ")], &console().mode(ConsoleMode::Lines));
        #[cfg(feature = "live")]
        assert_reads(&[(MODE, "live")], &console().mode(ConsoleMode::Live));
        assert_reads(&[(DETAILED, "yes")], &console().detailed(true));
        assert_reads(&[(COLOR, "always")], &console().color(true));
        assert_reads(&[(COLOR, "never")], &console().color(false));
        assert_reads(&[(STREAM, "stderr")], &console().stderr());
    }

    #[test]
    fn the_variable_of_the_console_beats_the_one_for_all_programs() {
        let no_color = ("NO_COLOR", "1");
        assert_reads(&[no_color], &ConsoleBuilder::default().color(false));
        assert_reads(&[no_color, (COLOR, "auto")], &ConsoleBuilder::default().color(false));
        assert_reads(&[no_color, (COLOR, "always")], &ConsoleBuilder::default().color(true));
    }

    #[test]
    fn what_cannot_be_read_is_named_with_what_would_be_right() {
        for (variable, expected) in [
            (MODE, MODES),
            (DETAILED, "one of 1, true, yes, on, 0, false, no, off"),
            (COLOR, "one of auto, always, never"),
            (STREAM, "stdout or stderr"),
        ] {
            let error = settings(&[(variable, "maybe")]).unwrap_err();
            assert_eq!(error.to_string(), format!("{variable} is `maybe`; expected {expected}"));
        }
    }
}
