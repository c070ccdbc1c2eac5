//! Prices of models, `RAAF_TRACE_PRICES`.

use std::{fs, sync::LazyLock};

use raaf_trace_model::{
    environment::{Environment, SettingsError},
    prices::PriceTable,
};

use super::Settings;

pub(super) const VARIABLE: &str = "RAAF_TRACE_PRICES";
const EXPECTED: &str = "a JSON file with prices of models, or `none`";

/// The prices of this library, which each provider has by default.
static BUILT_IN: LazyLock<PriceTable> = LazyLock::new(PriceTable::built_in);

pub(super) fn built_in() -> PriceTable {
    BUILT_IN.clone()
}

impl Settings {
    /// Reads the prices of models.
    pub(super) fn read_prices(&mut self, environment: &Environment) -> Result<(), SettingsError> {
        let Some(path) = environment.get(VARIABLE)? else { return Ok(()) };
        if path.trim() == "none" {
            self.prices = PriceTable::empty();
            return Ok(());
        }
        let refuse = |reason: &str| {
            SettingsError::invalid(VARIABLE, &path, &format!("{EXPECTED}: {reason}"))
        };
        let text = fs::read_to_string(&path).map_err(|error| refuse(&error.to_string()))?;
        let prices = PriceTable::from_json(&text).map_err(|error| refuse(&error.to_string()))?;
        self.prices = prices.or(built_in());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use raaf_trace_model::prices::TokenCounts;

    use super::*;

    fn read(path: &str) -> Result<Settings, String> {
        let environment = Environment::from_pairs([(VARIABLE, path)]);
        Settings::from_environment(&environment).map_err(|error| error.to_string())
    }

    #[test]
    fn prices_of_a_file_are_on_top_of_the_built_in_ones() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("prices.json");
        let path = path.to_str().unwrap();
        fs::write(path, r#"{ "models": { "ours": { "input": 1 }, "gpt-4o": null } }"#).unwrap();
        let prices = read(path).unwrap().prices;
        let tokens = TokenCounts { input: Some(1_000_000), output: Some(0), ..Default::default() };
        let cost = |model| prices.cost([model], &tokens);
        assert_eq!([cost("ours"), cost("gpt-4o"), cost("gpt-4.1")], [Some(1.0), None, Some(2.0)]);

        fs::write(path, r#"{ "models": { "ours": { "input": -1 } } }"#).unwrap();
        let error = read(path).unwrap_err();
        assert!(
            error.ends_with(
                "expected a JSON file with prices of models, or `none`: not a table of prices: \
                 `input` of `ours` is -1; expected a number from 0"
            ),
            "{error}",
        );
    }

    #[test]
    fn a_file_that_is_missing_is_an_error_and_none_is_no_file() {
        assert_eq!(read("none").unwrap().prices, PriceTable::empty());
        assert_eq!(read("").unwrap().prices, PriceTable::built_in());
        let error = read("no/such/file.json").unwrap_err();
        assert!(error.starts_with("RAAF_TRACE_PRICES is `no/such/file.json`; expected"), "{error}");
    }
}
