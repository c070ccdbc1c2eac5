//! Sources of environment variables.

mod error;
mod nearest;
pub mod parse;
mod variables;

use std::{collections::HashMap, ffi::OsString, fmt, sync::Arc};

pub use error::SettingsError;
pub use nearest::nearest;
pub use variables::Variables;

/// Source of environment variables: the process's environment, or given values in tests.
///
/// Sinks read their variables from it. A variable with an empty value counts as unset.
///
/// ```
/// # use raaf_trace_core::environment::Environment;
/// let environment = Environment::from_pairs([("MY_SINK_PORT", "80"), ("MY_SINK_TLS", "maybe")]);
/// let port = environment.read("MY_SINK_PORT", "a port from 1 to 65535", |text| text.parse().ok())?;
/// assert_eq!(port, Some(80_u16));
/// assert_eq!(
///     environment.flag("MY_SINK_TLS").unwrap_err().to_string(),
///     "MY_SINK_TLS is `maybe`; expected one of 1, true, yes, on, 0, false, no, off",
/// );
/// # Ok::<(), raaf_trace_core::environment::SettingsError>(())
/// ```
#[derive(Clone)]
pub struct Environment {
    lookup: Arc<Lookup>,
    names: Arc<Names>,
}

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;
type Names = dyn Fn() -> Vec<String> + Send + Sync;

impl Environment {
    /// Returns the environment of this process. Variables are read on each lookup.
    pub fn process() -> Self {
        let names = || std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        Self {
            lookup: Arc::new(|name| std::env::var_os(name)),
            names: Arc::new(move || names().collect()),
        }
    }

    /// Creates an environment with these variables and no others.
    pub fn from_pairs<K: Into<String>, V: Into<OsString>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let held: HashMap<String, OsString> =
            pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let names: Vec<String> = held.keys().cloned().collect();
        Self {
            lookup: Arc::new(move |name| held.get(name).cloned()),
            names: Arc::new(move || names.clone()),
        }
    }

    /// Creates an environment without variables.
    pub fn empty() -> Self {
        Self::new(|_| None)
    }

    /// Sets a default for a variable that is not set.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::environment::Environment;
    ///
    /// let environment = Environment::from_pairs([("MY_PORT", "80")]).with_default("MY_PORT", "8080");
    /// assert_eq!(environment.get("MY_PORT"), Ok(Some("80".to_owned()))); // only where it is not set
    /// ```
    #[must_use]
    pub fn with_default(self, variable: impl Into<String>, value: impl Into<OsString>) -> Self {
        let (variable, value) = (variable.into(), value.into());
        let names = Arc::clone(&self.names);
        let lookup = move |name: &str| {
            self.get_os(name).or_else(|| (name == variable).then(|| value.clone()))
        };
        Self { lookup: Arc::new(lookup), names }
    }

    /// Creates an environment that looks variables up with this function. Their
    /// [`names`](Self::names) are unknown.
    pub fn new(lookup: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        Self { lookup: Arc::new(lookup), names: Arc::new(Vec::new) }
    }

    /// Returns the names of all variables that are set, where they can be listed.
    pub fn names(&self) -> Vec<String> {
        (self.names)()
    }

    /// Returns the value of a variable, which may not be Unicode.
    pub fn get_os(&self, variable: &str) -> Option<OsString> {
        (self.lookup)(variable).filter(|value| !value.is_empty())
    }

    /// Returns the value of a variable.
    ///
    /// # Errors
    ///
    /// Returns an error if the value is not Unicode.
    pub fn get(&self, variable: &str) -> Result<Option<String>, SettingsError> {
        self.get_os(variable)
            .map(OsString::into_string)
            .transpose()
            .map_err(|_| SettingsError::not_unicode(variable))
    }

    /// Returns the value of a variable, parsed by `parse` without surrounding whitespace.
    /// `expected` completes the error's "expected …".
    ///
    /// # Errors
    ///
    /// Returns an error if the value is not Unicode, or `parse` returns `None`.
    pub fn read<T>(
        &self,
        variable: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, SettingsError> {
        let Some(value) = self.get(variable)? else { return Ok(None) };
        match parse(value.trim()) {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(SettingsError::invalid(variable, &value, expected)),
        }
    }

    /// Returns the value of a flag: `1`, `true`, `yes` or `on`, or `0`, `false`, `no` or `off`, in
    /// any case.
    ///
    /// # Errors
    ///
    /// Returns an error if the variable has another value.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::environment::Environment;
    ///
    /// let environment = Environment::from_pairs([("ON", "Yes"), ("EMPTY", ""), ("ODD", "2")]);
    /// assert_eq!(environment.flag("ON"), Ok(Some(true)));
    /// assert_eq!(environment.flag("EMPTY"), Ok(None)); // counts as unset
    /// assert!(environment.flag("ODD").is_err());
    /// ```
    pub fn flag(&self, variable: &str) -> Result<Option<bool>, SettingsError> {
        self.read(variable, parse::FLAG, parse::flag)
    }
}

/// Returns the environment of this process.
impl Default for Environment {
    fn default() -> Self {
        Self::process()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secret, and names of unrelated variables do not matter.
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_stands_in_for_what_is_not_set() {
        let environment = Environment::from_pairs([("SET", "theirs"), ("EMPTY", "")])
            .with_default("SET", "ours")
            .with_default("EMPTY", "ours")
            .with_default("UNSET", "ours");
        assert_eq!(environment.get("SET"), Ok(Some("theirs".to_owned())));
        assert_eq!(environment.get("EMPTY"), Ok(Some("ours".to_owned())));
        assert_eq!(environment.get("UNSET"), Ok(Some("ours".to_owned())));
        assert_eq!(environment.get("OTHER"), Ok(None));
    }

    #[test]
    fn nothing_counts_as_unset() {
        let environment = Environment::from_pairs([("SET", "x"), ("BLANK", "")]);
        assert_eq!(environment.get("SET"), Ok(Some("x".to_owned())));
        assert_eq!(environment.get("BLANK"), Ok(None));
        assert_eq!(environment.get("OTHER"), Ok(None));
        assert_eq!(Environment::empty().get("SET"), Ok(None));
        assert_eq!(environment.flag("BLANK"), Ok(None));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_unicode_is_named() {
        use std::os::unix::ffi::OsStringExt;
        let value = OsString::from_vec(vec![b'a', 0xff]);
        let environment = Environment::from_pairs([("NAME", value.clone())]);
        assert_eq!(environment.get_os("NAME"), Some(value));
        let error = environment.get("NAME").unwrap_err();
        assert_eq!(error.to_string(), "NAME is not valid Unicode; correct or unset it");
    }

    #[test]
    fn the_process_environment_is_read() {
        assert!(Environment::process().get_os("PATH").is_some());
        assert!(!format!("{:?}", Environment::process()).contains("PATH"));
    }
}
