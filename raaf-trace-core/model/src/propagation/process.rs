//! Context propagation in the environment of child processes.

use std::process::Command;

use super::{BAGGAGE, Extractor, Injector, TRACEPARENT, TRACESTATE};
use crate::environment::Environment;

/// Sets `TRACEPARENT` and `TRACESTATE` of the child, and `BAGGAGE` on request. The child reads them
/// with [`ProcessCarrier`].
impl Injector for Command {
    fn set(&mut self, key: &str, value: &str) {
        // A NUL would prevent the command from starting.
        if !value.contains('\0') {
            self.env(variable(key), value);
        }
    }

    fn remove(&mut self, key: &str) {
        self.env_remove(variable(key));
    }
}

fn variable(key: &str) -> String {
    key.to_ascii_uppercase().replace('-', "_")
}

/// Context that a parent process passed in the environment of this process.
///
/// ```
/// use raaf_trace_core::{environment::Environment, propagation::{self, ProcessCarrier}};
///
/// let environment = Environment::from_pairs([
///     ("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
/// ]);
/// let parent = propagation::extract(&ProcessCarrier::read(&environment))?;
/// assert!(parent.is_some());
/// # Ok::<(), propagation::TraceParentError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessCarrier {
    traceparent: Option<String>,
    tracestate: Option<String>,
    baggage: Option<String>,
}

impl ProcessCarrier {
    /// Reads `TRACEPARENT`, `TRACESTATE` and `BAGGAGE`.
    pub fn read(environment: &Environment) -> Self {
        // Invalid Unicode becomes replacement characters, which no valid value contains.
        let read = |key| {
            let value = environment.get_os(&variable(key))?;
            Some(value.to_string_lossy().into_owned())
        };
        Self {
            traceparent: read(TRACEPARENT),
            tracestate: read(TRACESTATE),
            baggage: read(BAGGAGE),
        }
    }
}

impl Extractor for ProcessCarrier {
    fn get(&self, key: &str) -> Option<&str> {
        if key.eq_ignore_ascii_case(TRACEPARENT) {
            self.traceparent.as_deref()
        } else if key.eq_ignore_ascii_case(TRACESTATE) {
            self.tracestate.as_deref()
        } else if key.eq_ignore_ascii_case(BAGGAGE) {
            self.baggage.as_deref()
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use crate::propagation::{Baggage, TraceParent, TraceState, extract, inject};

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    fn variables(command: &Command) -> Vec<(&str, Option<&str>)> {
        command
            .get_envs()
            .map(|(key, value)| (key.to_str().unwrap(), value.and_then(OsStr::to_str)))
            .collect()
    }

    #[test]
    fn p3_a_child_process_gets_variables() {
        let mut command = Command::new("anything");
        let parent = TraceParent::parse(PARENT).unwrap();
        inject(&mut command, &parent, &TraceState::parse("a=1"));
        assert_eq!(
            variables(&command),
            [("TRACEPARENT", Some(PARENT)), ("TRACESTATE", Some("a=1"))]
        );
        inject(&mut command, &parent, &TraceState::default());
        assert_eq!(variables(&command), [("TRACEPARENT", Some(PARENT)), ("TRACESTATE", None)]);
    }

    #[test]
    fn p3_a_child_process_reads_them() {
        let environment = Environment::from_pairs([("TRACEPARENT", PARENT), ("TRACESTATE", "a=1")]);
        let (parent, state) = extract(&ProcessCarrier::read(&environment)).unwrap().unwrap();
        assert_eq!(parent.to_string(), PARENT);
        assert_eq!(state.get("a"), Some("1"));
        assert_eq!(extract(&ProcessCarrier::read(&Environment::empty())), Ok(None));
    }

    #[test]
    fn baggage_travels_in_a_variable_of_its_own() {
        let mut command = Command::new("anything");
        Baggage::parse("tenant=acme").inject(&mut command);
        assert_eq!(variables(&command), [("BAGGAGE", Some("tenant=acme"))]);
        let environment = Environment::from_pairs([("BAGGAGE", "tenant=acme")]);
        let read = Baggage::extract(&ProcessCarrier::read(&environment));
        assert_eq!(read, Baggage::parse("tenant=acme"));
    }

    #[cfg(unix)]
    #[test]
    fn p3_a_variable_that_is_not_text_is_malformed() {
        use std::{ffi::OsString, os::unix::ffi::OsStringExt};
        let mut bytes = PARENT.as_bytes().to_vec();
        bytes[10] = 0xff;
        let value = OsString::from_vec(bytes);
        let environment = Environment::from_pairs([("TRACEPARENT", value)]);
        assert!(extract(&ProcessCarrier::read(&environment)).is_err());
    }
}
