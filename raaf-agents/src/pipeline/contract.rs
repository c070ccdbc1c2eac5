//! What steps need and give, and whether that fits together.

use std::fmt;

use thiserror::Error;

use super::Keys;

/// What a step needs of the state, and what it puts there.
///
/// A pipeline [checks](crate::PipelineBuilder::build) this before it runs. A step that declares
/// nothing might give anything: what comes after it cannot be found missing.
///
/// # Examples
///
/// ```
/// use raaf_agents::Contract;
///
/// let contract = Contract::new().requires("plan").provides(["report", "figures"]);
/// assert_ne!(contract, Contract::unknown());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    pub(super) requires: Vec<String>,
    pub(super) provides: Vec<String>,
    /// Whether it may give more than it says.
    pub(super) open: bool,
}

impl Contract {
    /// Needs nothing and gives nothing.
    pub fn new() -> Self {
        Self { requires: Vec::new(), provides: Vec::new(), open: false }
    }

    /// Nothing is known: it might give anything.
    pub fn unknown() -> Self {
        Self { open: true, ..Self::new() }
    }

    /// The same, needing these keys.
    #[must_use]
    pub fn requires(mut self, keys: impl Into<Keys>) -> Self {
        self.requires.extend_from_slice(keys.into().as_slice());
        self
    }

    /// The same, giving these keys, and none that are not declared.
    #[must_use]
    pub fn provides(mut self, keys: impl Into<Keys>) -> Self {
        self.provides.extend_from_slice(keys.into().as_slice());
        self.open = false;
        self
    }
}

impl Default for Contract {
    fn default() -> Self {
        Self::unknown()
    }
}

/// A key, and the step that needs or gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) step: String,
}

/// The contracts of several steps as one.
#[derive(Clone, Debug, Default)]
pub(super) struct Joined {
    pub(super) requires: Vec<Entry>,
    pub(super) provides: Vec<Entry>,
    pub(super) open: bool,
}

impl Joined {
    pub(super) fn of(step: &str, contract: Contract) -> Self {
        let by = |keys: Vec<String>| {
            keys.into_iter().map(|key| Entry { key, step: step.to_owned() }).collect()
        };
        Self {
            requires: by(contract.requires),
            provides: by(contract.provides),
            open: contract.open,
        }
    }

    /// As seen from outside: by keys only.
    pub(super) fn into_contract(self) -> Contract {
        let keys = |entries: Vec<Entry>| {
            let mut keys = Vec::new();
            for Entry { key, .. } in entries {
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
            keys
        };
        Contract { requires: keys(self.requires), provides: keys(self.provides), open: self.open }
    }

    /// Those before, then `next`.
    pub(super) fn then(&mut self, next: Self) {
        if !self.open {
            let unmet = next.requires.into_iter().filter(|need| !gives(&self.provides, &need.key));
            self.requires.extend(unmet.collect::<Vec<_>>());
        }
        self.provides.extend(next.provides);
        self.open |= next.open;
    }

    /// Those so far, and beside them `next`.
    pub(super) fn beside(&mut self, next: Self) {
        self.requires.extend(next.requires);
        self.provides.extend(next.provides);
        self.open |= next.open;
    }

    /// What is missing when a run begins with these keys; with whatever it is given, for `None`.
    pub(super) fn check(&self, takes: Option<&Keys>) -> Vec<MissingKey> {
        let is_missing = |need: &&Entry| match takes {
            Some(keys) => !keys.as_slice().contains(&need.key),
            // Given by nobody, it may be there from the start.
            None => gives_another(&self.provides, need).is_some(),
        };
        let missing = self.requires.iter().filter(is_missing);
        let named = missing.map(|need| MissingKey {
            step: need.step.clone(),
            key: need.key.clone(),
            given_by: gives_another(&self.provides, need).map(|given| given.step.clone()),
        });
        named.collect()
    }
}

fn gives(entries: &[Entry], key: &str) -> bool {
    entries.iter().any(|entry| entry.key == key)
}

fn gives_another<'a>(entries: &'a [Entry], need: &Entry) -> Option<&'a Entry> {
    entries.iter().find(|given| given.key == need.key && given.step != need.step)
}

/// A pipeline whose steps do not fit together.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("pipeline `{pipeline}` does not fit together: {}", list(missing))]
#[non_exhaustive]
pub struct BuildError {
    /// The pipeline.
    pub pipeline: String,
    /// What is missing, in the order of the steps.
    pub missing: Vec<MissingKey>,
}

/// A key that a step needs, and that is not there when it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingKey {
    /// The step that needs it.
    pub step: String,
    /// The key.
    pub key: String,
    /// A step that gives it, but runs later or at the same time.
    pub given_by: Option<String>,
}

impl fmt::Display for MissingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, key, given_by } = self;
        match given_by {
            None => write!(f, "`{step}` needs `{key}`, which nothing before it gives"),
            Some(other) => write!(
                f,
                "`{step}` needs `{key}`, which `{other}` does not give before it (if runs begin \
                 with it, `takes` says so)"
            ),
        }
    }
}

fn list(missing: &[MissingKey]) -> String {
    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
