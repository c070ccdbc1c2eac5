//! Choice of whole traces, `RAAF_TRACE_ONLY`.

use raaf_trace_model::environment::{Environment, SettingsError, nearest, parse};

use super::Settings;

pub(super) const VARIABLE: &str = "RAAF_TRACE_ONLY";
const EXPECTED: &str =
    "`failed`, `slow=` with a time such as 2s or 500ms, or both, separated by commas";

impl Settings {
    /// Reads which traces to keep.
    pub(super) fn read_only(&mut self, environment: &Environment) -> Result<(), SettingsError> {
        let Some(text) = environment.get(VARIABLE)? else { return Ok(()) };
        let (mut failed, mut slower_than) = (false, None);
        for word in text.split(',').map(str::trim) {
            match (word, word.strip_prefix("slow=").and_then(parse::duration)) {
                ("failed", _) if !failed => failed = true,
                (_, Some(time)) if slower_than.is_none() => slower_than = Some(time),
                _ => return Err(SettingsError::invalid(VARIABLE, &text, &expected(word))),
            }
        }
        (self.only_failed, self.only_slower_than) = (failed, slower_than);
        Ok(())
    }
}

/// Returns the expected form for an invalid item, with the nearest valid one.
fn expected(word: &str) -> String {
    let name = word.split('=').next().unwrap_or_default();
    match nearest(name, ["failed", "slow"]) {
        Some("failed") if word != "failed" => format!("{EXPECTED}; did you mean `failed`?"),
        Some("slow") if name != "slow" || name == word => {
            let time = word.split_once('=').map_or("2s", |(_, time)| time);
            format!("{EXPECTED}; did you mean `slow={}`?", time.escape_debug())
        }
        _ => EXPECTED.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read(text: &str) -> Result<(bool, Option<Duration>), String> {
        let environment = Environment::from_pairs([(VARIABLE, text)]);
        let settings = Settings::from_environment(&environment);
        let settings = settings.map_err(|error| error.to_string())?;
        Ok((settings.only_failed, settings.only_slower_than))
    }

    #[test]
    fn traces_are_chosen_by_a_list_of_words() {
        let seconds = Duration::from_secs_f64;
        assert_eq!(read(""), Ok((false, None)));
        assert_eq!(read("failed"), Ok((true, None)));
        assert_eq!(read("slow=2s"), Ok((false, Some(seconds(2.0)))));
        assert_eq!(read(" slow=500ms , failed "), Ok((true, Some(seconds(0.5)))));
        assert_eq!(read("slow=1.5m"), Ok((false, Some(seconds(90.0)))));
        assert_eq!(read("slow=3"), Ok((false, Some(seconds(3.0)))));
    }

    #[test]
    fn what_is_wrong_is_named_with_the_nearest_word() {
        for (text, near) in [
            ("failde", "; did you mean `failed`?"),
            ("Failed", "; did you mean `failed`?"),
            ("failed=1", "; did you mean `failed`?"),
            ("failed,slo=3s", "; did you mean `slow=3s`?"),
            ("slow", "; did you mean `slow=2s`?"),
            ("slow=soon", ""),
            ("slow=-1s", ""),
            ("slow=0", ""),
            ("slow=1s,slow=2s", ""),
            ("failed,failed", ""),
            ("failed,", ""),
            ("everything", ""),
        ] {
            let expected = format!("RAAF_TRACE_ONLY is `{text}`; expected {EXPECTED}{near}");
            assert_eq!(read(text), Err(expected));
        }
    }
}
