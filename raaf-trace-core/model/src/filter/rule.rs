//! Rules of a span filter.

use std::{fmt, sync::Arc, time::Duration};

use super::wildcard::wildcard_matches;
use crate::{
    attributes::Value,
    id::TraceId,
    kind::Kind,
    span::{FinishedSpan, SpanHead, Status, TreeSpan as _},
};

#[derive(Clone)]
pub(super) enum Rule {
    All,
    Kind(Kind),
    Component(String),
    Method(String),
    Name(String),
    Trace(TraceId),
    Workflow(String),
    Status(Status),
    Failed,
    SlowerThan(Duration),
    Attribute(String, Option<Value>),
    When(Arc<Test>),
    And(Box<[Rule; 2]>),
    Or(Box<[Rule; 2]>),
    Not(Box<Rule>),
}

type Test = dyn Fn(&FinishedSpan) -> bool + Send + Sync;

impl Rule {
    /// Recurses as deep as the rules that the program combined.
    pub(super) fn matches(&self, span: &FinishedSpan) -> bool {
        match self {
            Self::Status(status) => span.status() == *status,
            Self::Failed => !matches!(span.status(), Status::Ok | Status::Unset),
            Self::SlowerThan(duration) => span.duration() > *duration,
            Self::Attribute(key, value) => match (value, span.attributes().get(key)) {
                (Some(wanted), Some(value)) => wanted.as_ref() == value,
                _ => false,
            },
            Self::When(test) => test(span),
            Self::And(rules) => rules.iter().all(|rule| rule.matches(span)),
            Self::Or(rules) => rules.iter().any(|rule| rule.matches(span)),
            Self::Not(rule) => !rule.matches(span),
            of_start => of_start.matches_start(span.head()).unwrap_or(true),
        }
    }

    /// Returns whether it matches a span of which only the start is known; `None` if that depends on
    /// its end.
    pub(super) fn matches_start(&self, head: &SpanHead) -> Option<bool> {
        Some(match self {
            Self::All => true,
            Self::Kind(kind) => head.component.kind == *kind,
            Self::Component(name) => wildcard_matches(name, &head.component.name),
            Self::Method(name) => wildcard_matches(name, &head.method),
            Self::Name(name) => wildcard_matches(name, &head.name()),
            Self::Trace(id) => head.trace.id == *id,
            Self::Workflow(name) => {
                let workflow = head.trace.info.workflow_name();
                workflow.is_some_and(|is| wildcard_matches(name, is))
            }
            Self::And(rules) => {
                let [one, other] = rules.each_ref().map(|rule| rule.matches_start(head));
                return match (one, other) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (one, other) => Some(one? && other?),
                };
            }
            Self::Or(rules) => {
                let [one, other] = rules.each_ref().map(|rule| rule.matches_start(head));
                return match (one, other) {
                    (Some(true), _) | (_, Some(true)) => Some(true),
                    (one, other) => Some(one? || other?),
                };
            }
            Self::Not(rule) => !rule.matches_start(head)?,
            Self::Status(_)
            | Self::Failed
            | Self::SlowerThan(_)
            | Self::Attribute(..)
            | Self::When(_) => return None,
        })
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Kind(kind) => write!(f, "kind {kind}"),
            Self::Component(name) => write!(f, "component {name:?}"),
            Self::Method(name) => write!(f, "method {name:?}"),
            Self::Name(name) => write!(f, "name {name:?}"),
            Self::Trace(id) => write!(f, "trace {id}"),
            Self::Workflow(name) => write!(f, "workflow {name:?}"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Failed => f.write_str("failed"),
            Self::SlowerThan(duration) => write!(f, "slower than {duration:?}"),
            Self::Attribute(key, value) => write!(f, "{key:?} is {value:?}"),
            Self::When(_) => f.write_str("when a function says so"),
            Self::And(rules) => write!(f, "({:?} and {:?})", rules[0], rules[1]),
            Self::Or(rules) => write!(f, "({:?} or {:?})", rules[0], rules[1]),
            Self::Not(rule) => write!(f, "not {rule:?}"),
        }
    }
}
