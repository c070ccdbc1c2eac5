//! Result of a suite.

use std::fmt;

use super::Rule;

/// Result of a suite. Displays each broken rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub(super) kept: Vec<Rule>,
    pub(super) skipped: Vec<Rule>,
    pub(super) violations: Vec<Violation>,
}

/// A broken rule, and how it was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub(super) rule: Rule,
    pub(super) what: String,
    pub(super) hung: bool,
}

impl Report {
    /// Returns the rules that the sink keeps.
    pub fn kept(&self) -> &[Rule] {
        &self.kept
    }

    /// Returns the rules that were not checked: excepted ones, those that need [reading
    /// back](super::Suite::read_back), and those after a call that hung.
    pub fn skipped(&self) -> &[Rule] {
        &self.skipped
    }

    /// Returns the broken rules.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    pub(super) fn has_hung(&self) -> bool {
        self.violations.iter().any(|violation| violation.hung)
    }
}

impl Violation {
    /// Returns the rule.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Describes how the rule was broken.
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let looked_at = self.kept.len() + self.violations.len();
        if self.violations.is_empty() {
            return write!(f, "the sink keeps all {looked_at} rules that were looked at");
        }
        let broken = self.violations.len();
        write!(f, "the sink breaks {broken} of {looked_at} rules:")?;
        for violation in &self.violations {
            write!(f, "\n    {violation}")?;
        }
        if self.has_hung() {
            let rest: Vec<_> = self.skipped.iter().map(|rule| rule.name()).collect();
            write!(f, "\nafter a call that hangs these were not looked at: {}", rest.join(", "))?;
        }
        Ok(())
    }
}
