//! Prices of models, and what model calls cost.

mod cost;
mod name;
mod price;

use std::{
    collections::BTreeMap,
    fmt,
    hash::{DefaultHasher, Hasher as _},
    sync::Arc,
};

use serde::{Deserialize, de::IgnoredAny};

use crate::{
    attributes::{Attributes, ValueRef},
    keys,
};
pub use cost::Cost;
use name::Index;
use price::Price;
pub use price::TokenCounts;

/// Prices of models by the names of the models.
///
/// The [built-in](Self::built_in) table has list prices of well-known models, with the day on which
/// they were looked up. Prices change, contracts differ, and batches, priority tiers and tools of
/// providers have prices of their own, so that a cost is an estimate. Put a table of your own on top
/// with [`or`](Self::or). A model that no table has is unknown; it does not cost 0.
///
/// # Format
///
/// ```json
/// {
///   "date": "2026-11-29",
///   "sources": ["https://example.com/pricing"],
///   "currency": "EUR",
///   "usd": 1.15,
///   "models": {
///     "ours-large": { "input": 2, "cached_input": 0.5, "cache_write": 2.5, "output": 8 },
///     "ours-think": { "input": 1, "output": 4, "reasoning": 3, "request": 0.001 },
///     "ours-long": { "input": 1, "output": 4, "above": { "200000": { "input": 2, "output": 6 } } },
///     "local/*": { "input": 0, "output": 0 },
///     "gpt-4o": null
///   }
/// }
/// ```
///
/// Prices are in units of the currency for a million tokens, `request` for one call. `usd` is the value
/// of a unit in US dollars, required if the currency is not `USD`, because costs are in US dollars.
/// Without a price of their own, cached input and cache writes cost as much as other input, and
/// reasoning as much as other output. A model that has only a price for a call, or costs 0, costs that
/// even if no tokens are reported. `above` has the prices of calls with more input tokens than its
/// keys say, for the whole call. `null` makes a model unknown. `sources` and `notes` are for readers;
/// only `models` is required.
///
/// A name matches itself, its dated variants (`gpt-4o-2024-08-06`, `gpt-4o-latest`,
/// `claude-sonnet-4@20250514`) and itself behind the prefix of a provider (`openai/gpt-4o`). A name
/// with a prefix, such as `mistral/mistral-large-latest`, matches behind that prefix or without one. A
/// name that ends with `*` matches all names that begin with what is before. An exact name precedes a
/// dated variant, that a `*`, and a longer name a shorter one.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::prices::{PriceTable, TokenCounts};
///
/// let ours = r#"{ "models": { "ours-large": { "input": 2, "output": 8 } } }"#;
/// let prices = PriceTable::from_json(ours)?.or(PriceTable::built_in());
///
/// let tokens = TokenCounts { input: Some(1_000), output: Some(500), ..TokenCounts::default() };
/// assert_eq!(prices.cost(["ours-large"], &tokens), Some(0.006));
/// assert_eq!(prices.cost(["gpt-4o-2024-08-06"], &tokens), Some(0.0075));
/// assert_eq!(prices.cost(["unheard-of"], &tokens), None);
/// # Ok::<(), raaf_trace_core::prices::PriceTableError>(())
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct PriceTable {
    /// The first list that has a model decides.
    lists: Vec<Arc<List>>,
}

/// Error of reading a price table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a table of prices: {reason}")]
pub struct PriceTableError {
    reason: String,
}

/// A file.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    date: Option<String>,
    #[serde(default, rename = "sources")]
    _sources: IgnoredAny,
    #[serde(default, rename = "notes")]
    _notes: IgnoredAny,
    #[serde(default = "dollars")]
    currency: String,
    #[serde(default)]
    usd: Option<f64>,
    models: BTreeMap<String, Option<Price>>,
    #[serde(skip)]
    index: Index,
    /// Hash of the text.
    #[serde(skip)]
    hash: u64,
}

fn dollars() -> String {
    "USD".to_owned()
}

impl List {
    fn parse(json: &str) -> Result<Self, PriceTableError> {
        let refuse = |reason: String| PriceTableError { reason };
        let mut list: Self =
            serde_json::from_str(json).map_err(|error| refuse(error.to_string()))?;
        let rate = list.rate().map_err(refuse)?;
        for (name, price) in &mut list.models {
            if let Some(price) = price {
                price.check().map_err(|(field, value)| {
                    refuse(format!("`{field}` of `{name}` is {value}; expected a number from 0"))
                })?;
                price.convert(rate);
            }
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(json.as_bytes());
        list.hash = hasher.finish();
        list.index = Index::of(list.models.keys());
        Ok(list)
    }

    /// Returns the value of a unit of the currency in US dollars.
    fn rate(&self) -> Result<f64, String> {
        let currency = &*self.currency;
        match (currency, self.usd) {
            ("USD", None) => Ok(1.0),
            ("USD", Some(rate)) => Err(format!("`usd` is {rate}; expected none, or a `currency`")),
            (_, Some(rate)) if rate.is_finite() && rate > 0.0 => Ok(rate),
            (_, rate) => {
                let rate = rate.map_or_else(|| "missing".to_owned(), |rate| rate.to_string());
                Err(format!("`usd` is {rate}; expected the value of 1 {currency} in US dollars"))
            }
        }
    }

    /// Returns the entry of a model, which is `None` if the model is unknown on purpose.
    fn find(&self, model: &str) -> Option<&Option<Price>> {
        self.models.get(self.index.find(model)?)
    }
}

impl PriceTable {
    /// Returns the list prices of well-known models, in `prices.json` beside this module's source. Reads
    /// that text each time: keep the table.
    pub fn built_in() -> Self {
        // A test reads it.
        Self::from_json(include_str!("prices.json")).unwrap_or_default()
    }

    /// Creates a table that knows no model.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads a table.
    ///
    /// # Errors
    ///
    /// If the text is not JSON of the [format](Self#format), or has a price that is negative.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::prices::PriceTable;
    ///
    /// let error = PriceTable::from_json(r#"{ "models": { "ours": { "input": -1 } } }"#);
    /// assert_eq!(
    ///     error.unwrap_err().to_string(),
    ///     "not a table of prices: `input` of `ours` is -1; expected a number from 0",
    /// );
    /// ```
    pub fn from_json(json: &str) -> Result<Self, PriceTableError> {
        Ok(Self { lists: vec![Arc::new(List::parse(json)?)] })
    }

    /// Adds another table for the models that this one does not have.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.lists.extend(other.lists);
        self
    }

    /// Returns the number of names that have prices.
    pub fn len(&self) -> usize {
        self.lists.iter().map(|list| list.models.len()).sum()
    }

    /// Returns whether the table knows no model.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns a number that differs between tables, for caches of costs.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.lists.iter().for_each(|list| hasher.write_u64(list.hash));
        hasher.finish()
    }

    /// Returns the cost of a call in US dollars; `None` if it is unknown: no model of that name has a
    /// price, or the call reported no tokens. The names are those of one model, the most precise one
    /// first, such as the model that answered and the requested one.
    pub fn cost<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
        tokens: &TokenCounts,
    ) -> Option<f64> {
        let names = names.into_iter();
        let mut found = self.lists.iter().filter_map(|list| {
            let mut entries = names.clone().filter_map(|name| list.find(name));
            entries.next()
        });
        found.next()?.as_ref()?.cost(tokens)
    }

    /// Returns the cost of a model call in US dollars by the attributes of its span: that in
    /// `gen_ai.usage.cost`, or the cost of its tokens. `name` is that of the model where attributes do
    /// not have one.
    pub fn cost_of(&self, name: &str, attributes: &Attributes) -> Option<f64> {
        let mut told = TokenCounts::default();
        let (mut requested, mut answered) = (None, None);
        for (key, value) in attributes.iter() {
            let count = match key {
                keys::GEN_AI_USAGE_COST => {
                    return value.as_f64().filter(|cost| cost.is_finite() && *cost >= 0.0);
                }
                keys::GEN_AI_REQUEST_MODEL => {
                    requested = value.as_str();
                    continue;
                }
                keys::GEN_AI_RESPONSE_MODEL => {
                    answered = value.as_str();
                    continue;
                }
                keys::GEN_AI_USAGE_INPUT_TOKENS => &mut told.input,
                keys::GEN_AI_USAGE_OUTPUT_TOKENS => &mut told.output,
                keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS => &mut told.cached_input,
                keys::GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS => &mut told.cache_write,
                keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS => &mut told.reasoning,
                _ => continue,
            };
            *count = tokens(value);
        }
        let requested = requested.or_else(|| answered.is_none().then_some(name));
        self.cost([answered, requested].into_iter().flatten(), &told)
    }
}

fn tokens(value: ValueRef<'_>) -> Option<u64> {
    u64::try_from(value.as_i64()?).ok()
}

/// Shows the number of models.
impl fmt::Debug for PriceTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dates: Vec<_> = self.lists.iter().filter_map(|list| list.date.as_deref()).collect();
        f.debug_struct("PriceTable").field("models", &self.len()).field("dates", &dates).finish()
    }
}

#[cfg(test)]
mod tests;
