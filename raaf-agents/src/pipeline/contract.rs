//! Contracts: keys that steps require and provide.

use std::fmt;

use thiserror::Error;

use super::Keys;

/// Keys of the state that a step requires and provides.
///
/// [`PipelineBuilder::build`](crate::PipelineBuilder::build) checks that contracts fit together. A
/// step with an [unknown](Self::unknown) contract may provide any key, so that nothing after it can
/// be found missing.
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
    requires: Keys,
    provides: Keys,
    /// True if the step may provide undeclared keys.
    open: bool,
    /// True if the step is a pipeline that runs steps for the items of lists.
    has_lists: bool,
}

impl Contract {
    /// Creates a contract that requires and provides nothing.
    pub fn new() -> Self {
        let (requires, provides) = (Keys::default(), Keys::default());
        Self { requires, provides, open: false, has_lists: false }
    }

    /// Creates a contract of a step that requires nothing and may provide any key.
    pub fn unknown() -> Self {
        Self { open: true, ..Self::new() }
    }

    /// Adds required keys.
    #[must_use]
    pub fn requires(mut self, keys: impl Into<Keys>) -> Self {
        self.requires.extend(keys.into());
        self
    }

    /// Adds provided keys, and rules out undeclared ones.
    #[must_use]
    pub fn provides(mut self, keys: impl Into<Keys>) -> Self {
        self.provides.extend(keys.into());
        self.open = false;
        self
    }
}

impl Contract {
    pub(super) fn has_lists(&self) -> bool {
        self.has_lists
    }

    /// Returns what a diagram says about it.
    pub(super) fn notes(&self) -> Vec<String> {
        let note = |verb: &str, keys: &Keys| {
            let keys = keys.as_slice();
            (!keys.is_empty()).then(|| format!("{verb} {}", keys.join(", ")))
        };
        let notes = [note("reads", &self.requires), note("writes", &self.provides)];
        notes.into_iter().flatten().collect()
    }
}

impl Default for Contract {
    fn default() -> Self {
        Self::unknown()
    }
}

/// A key, and the step that requires or provides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StepKey {
    pub(super) key: String,
    pub(super) step: String,
}

/// Combined contracts of several steps.
#[derive(Clone, Debug, Default)]
pub(super) struct FlowContract {
    pub(super) requires: Vec<StepKey>,
    pub(super) provides: Vec<StepKey>,
    pub(super) open: bool,
    pub(super) has_lists: bool,
}

impl FlowContract {
    pub(super) fn of(step: &str, contract: Contract) -> Self {
        let by = |keys: Keys| {
            keys.into_iter().map(|key| StepKey { key, step: step.to_owned() }).collect()
        };
        Self {
            requires: by(contract.requires),
            provides: by(contract.provides),
            open: contract.open,
            has_lists: contract.has_lists,
        }
    }

    /// Returns the contract of the steps as one step.
    pub(super) fn into_contract(self) -> Contract {
        let keys = |entries: Vec<StepKey>| entries.into_iter().map(|entry| entry.key).collect();
        let (requires, provides) = (keys(self.requires), keys(self.provides));
        Contract { requires, provides, open: self.open, has_lists: self.has_lists }
    }

    /// Appends a step that runs after these.
    pub(super) fn then(&mut self, next: Self) {
        if !self.open {
            let unmet =
                next.requires.into_iter().filter(|need| !contains(&self.provides, &need.key));
            self.requires.extend(unmet.collect::<Vec<_>>());
        }
        self.provides.extend(next.provides);
        self.open |= next.open;
        self.has_lists |= next.has_lists;
    }

    /// Adds a step that runs concurrently with these.
    pub(super) fn beside(&mut self, next: Self) {
        self.requires.extend(next.requires);
        self.provides.extend(next.provides);
        self.open |= next.open;
        self.has_lists |= next.has_lists;
    }

    /// Returns the keys that are missing if a run starts with `takes`, or with unknown keys for
    /// `None`.
    pub(super) fn check(&self, takes: Option<&Keys>) -> Vec<MissingKey> {
        let is_missing = |need: &&StepKey| match takes {
            Some(keys) => !keys.as_slice().contains(&need.key),
            // A key that no step provides may be part of the initial state.
            None => other_provider(&self.provides, need).is_some(),
        };
        let missing = self.requires.iter().filter(is_missing);
        let named = missing.map(|need| MissingKey {
            step: need.step.clone(),
            key: need.key.clone(),
            provided_by: other_provider(&self.provides, need).map(|given| given.step.clone()),
        });
        named.collect()
    }
}

fn contains(entries: &[StepKey], key: &str) -> bool {
    entries.iter().any(|entry| entry.key == key)
}

fn other_provider<'a>(entries: &'a [StepKey], need: &StepKey) -> Option<&'a StepKey> {
    entries.iter().find(|given| given.key == need.key && given.step != need.step)
}

/// A pipeline whose steps require keys that are not provided.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("pipeline `{pipeline}` cannot be built: {}", list(missing))]
#[non_exhaustive]
pub struct BuildError {
    /// The name of the pipeline.
    pub pipeline: String,
    /// The missing keys, in the order of the steps.
    pub missing: Vec<MissingKey>,
}

/// A key that a step requires, and that the state lacks when the step runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingKey {
    /// The name of the step that requires it.
    pub step: String,
    /// The key.
    pub key: String,
    /// The name of a step that provides it, but runs later or concurrently.
    pub provided_by: Option<String>,
}

impl fmt::Display for MissingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, key, provided_by } = self;
        match provided_by {
            None => write!(f, "`{step}` requires `{key}`, which no earlier step provides"),
            Some(other) => write!(
                f,
                "`{step}` requires `{key}`, which `{other}` does not provide before it; if runs \
                 start with `{key}`, declare it with `takes`"
            ),
        }
    }
}

fn list(missing: &[MissingKey]) -> String {
    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
