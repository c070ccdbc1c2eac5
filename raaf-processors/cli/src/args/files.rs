//! Files to read, and prices.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use raaf_trace_model::prices::PriceTable;

use crate::input::Input;

/// Name of the default file.
const DEFAULT_FILE: &str = "traces.jsonl";

/// Files to read.
#[derive(Args, Debug)]
pub(crate) struct Files {
    /// Trace files, or `-` for standard input.
    #[arg(value_name = "FILE")]
    named: Vec<PathBuf>,
    /// Read the named files only, without the rotated parts beside them.
    #[arg(long)]
    alone: bool,
}

impl Files {
    /// Opens the named files, or the default one.
    ///
    /// # Errors
    ///
    /// If one does not exist or cannot be opened.
    pub(crate) fn input(&self) -> anyhow::Result<Input> {
        if self.named.is_empty() {
            return Input::find(&[default_file()], self.alone);
        }
        Input::find(&self.named, self.alone)
    }
}

/// Returns the default file: the one that `RAAF_TRACE_FILE` names, otherwise `traces.jsonl`.
pub(crate) fn default_file() -> PathBuf {
    let set = env::var_os("RAAF_TRACE_FILE").filter(|path| !path.is_empty());
    set.map_or_else(|| DEFAULT_FILE.into(), PathBuf::from)
}

/// Files to read, with the costs of their model calls.
#[derive(Args, Debug)]
pub(crate) struct PricedFiles {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    prices: Prices,
}

impl PricedFiles {
    /// Opens the named files, or the default one.
    ///
    /// # Errors
    ///
    /// If one does not exist or cannot be opened, or the prices are invalid.
    pub(crate) fn input(&self) -> anyhow::Result<Input> {
        Ok(self.files.input()?.with_prices(self.prices.table()?))
    }

    /// Opens another file in the same way.
    ///
    /// # Errors
    ///
    /// See [`input`](Self::input).
    pub(crate) fn input_of(&self, path: &Path) -> anyhow::Result<Input> {
        let input = Input::find(&[path.to_owned()], self.files.alone)?;
        Ok(input.with_prices(self.prices.table()?))
    }

    /// Returns whether files are named.
    pub(crate) fn are_named(&self) -> bool {
        !self.files.named.is_empty()
    }
}

/// Prices of models.
#[derive(Args, Debug)]
pub(crate) struct Prices {
    /// JSON file with prices of models in addition to the built-in ones, for calls without a cost in the
    /// trace file; `none` for no prices.
    #[arg(long, value_name = "FILE", env = "RAAF_TRACE_PRICES", hide_env_values = true)]
    prices: Option<PathBuf>,
}

impl Prices {
    /// Reads the prices.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not a table of prices.
    pub(crate) fn table(&self) -> anyhow::Result<PriceTable> {
        let Some(path) = self.prices.as_deref().filter(|path| !path.as_os_str().is_empty()) else {
            return Ok(PriceTable::built_in());
        };
        if path == Path::new("none") {
            return Ok(PriceTable::empty());
        }
        let shown = path.display();
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the prices `{shown}`"))?;
        let prices = PriceTable::from_json(&text).with_context(|| format!("`{shown}`"))?;
        Ok(prices.or(PriceTable::built_in()))
    }
}
