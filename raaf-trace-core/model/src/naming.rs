//! Span naming templates.

use std::{fmt, str::FromStr, sync::Arc};

use thiserror::Error;

pub use crate::type_name::short_type_name;

/// Pattern for span names, made of kind, component and method.
///
/// ```
/// # use raaf_trace_core::naming::NamePattern;
/// let default = NamePattern::default();
/// assert_eq!(default.render("agent", "Writer", "run"), "run.workflow.agent.Writer");
/// assert_eq!(default.render("agent", "Writer", "edit"), "run.workflow.agent.Writer.edit");
///
/// let own = NamePattern::custom("{component}/{method}")?;
/// assert_eq!(own.render("agent", "Writer", "edit"), "Writer/edit");
/// # Ok::<(), raaf_trace_core::naming::NamePatternError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NamePattern {
    /// `run.workflow.{kind}.{component}`, followed by `.{method}` unless the method is `run` or
    /// equals the component's name.
    #[default]
    Default,
    /// `{kind}.{component}`.
    Compact,
    /// A user-defined template; created by [`NamePattern::custom`].
    Custom(NameTemplate),
}

/// A parsed naming template; see [`NamePattern::custom`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameTemplate(Arc<[Part]>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Kind,
    Component,
    Method,
}

impl NamePattern {
    /// Parses a template with the placeholders `{kind}`, `{component}` and `{method}`; `{{` and
    /// `}}` are literal braces.
    ///
    /// # Errors
    ///
    /// Returns an error if the template is empty, has another placeholder, or has an unbalanced
    /// brace.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::naming::NamePattern;
    ///
    /// assert!(NamePattern::custom("{kind}:{component}").is_ok());
    /// assert!(NamePattern::custom("{name}").is_err());
    /// assert_eq!(NamePattern::custom("{{{kind}}}")?.render("tool", "Search", "run"), "{tool}");
    /// # Ok::<(), raaf_trace_core::naming::NamePatternError>(())
    /// ```
    pub fn custom(template: &str) -> Result<Self, NamePatternError> {
        template.parse().map(Self::Custom)
    }

    /// Returns the name of a span.
    pub fn render(&self, kind: &str, component: &str, method: &str) -> String {
        let mut name = String::with_capacity(64);
        self.render_to(kind, component, method, |part| name.push_str(part));
        name
    }

    /// Passes the parts of a span's name to `push`, in order.
    pub(crate) fn render_to(
        &self,
        kind: &str,
        component: &str,
        method: &str,
        mut push: impl FnMut(&str),
    ) {
        match self {
            Self::Default => {
                for part in ["run.workflow.", kind, ".", component] {
                    push(part);
                }
                if let Some(method) = distinct_method(component, method) {
                    push(".");
                    push(method);
                }
            }
            Self::Compact => {
                for part in [kind, ".", component] {
                    push(part);
                }
            }
            Self::Custom(NameTemplate(parts)) => {
                for part in &**parts {
                    push(match part {
                        Part::Text(text) => text,
                        Part::Kind => kind,
                        Part::Component => component,
                        Part::Method => method,
                    });
                }
            }
        }
    }
}

/// Returns the method if a label has to name it beside the component: if it is neither `run` nor
/// the component's name.
///
/// ```
/// # use raaf_trace_core::naming::distinct_method;
/// assert_eq!(distinct_method("Writer", "edit"), Some("edit"));
/// assert_eq!(distinct_method("index", "index"), None);
/// ```
pub fn distinct_method<'a>(component: &str, method: &'a str) -> Option<&'a str> {
    (method != "run" && method != component).then_some(method)
}

impl FromStr for NameTemplate {
    type Err = NamePatternError;

    fn from_str(template: &str) -> Result<Self, NamePatternError> {
        if template.is_empty() {
            return Err(NamePatternError::Empty);
        }
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = template;
        while let Some(brace) = rest.find(['{', '}']) {
            text.push_str(&rest[..brace]);
            let doubled = rest[brace..].starts_with("{{") || rest[brace..].starts_with("}}");
            if doubled {
                text.push_str(&rest[brace..=brace]);
                rest = &rest[brace + 2..];
                continue;
            }
            let (name, after) = rest[brace..]
                .strip_prefix('{')
                .and_then(|inner| inner.split_once('}'))
                .ok_or(NamePatternError::Unbalanced)?;
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text)));
            }
            parts.push(match name {
                "kind" => Part::Kind,
                "component" => Part::Component,
                "method" => Part::Method,
                _ => return Err(NamePatternError::Unknown { placeholder: name.to_owned() }),
            });
            rest = after;
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(Self(parts.into()))
    }
}

impl fmt::Display for NameTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}")),
            Part::Kind => f.write_str("{kind}"),
            Part::Component => f.write_str("{component}"),
            Part::Method => f.write_str("{method}"),
        })
    }
}

/// Error of parsing a naming template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NamePatternError {
    /// The template is empty.
    #[error("the naming pattern is empty; expected a placeholder, such as {{component}}")]
    Empty,
    /// The template has an unknown placeholder.
    #[error(
        "the naming pattern has `{{{}}}`; expected {{kind}}, {{component}} or {{method}}",
        placeholder.escape_debug()
    )]
    Unknown {
        /// Text between the braces.
        placeholder: String,
    },
    /// The template has an unbalanced brace.
    #[error("the naming pattern has an unbalanced brace; write {{{{ or }}}} for a literal brace")]
    Unbalanced,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g4_default_pattern() {
        let render = |method| NamePattern::Default.render("tool", "search", method);
        assert_eq!(render("run"), "run.workflow.tool.search");
        assert_eq!(render("search"), "run.workflow.tool.search");
        assert_eq!(render("rerun"), "run.workflow.tool.search.rerun");
        assert_eq!(render("Search"), "run.workflow.tool.search.Search");
    }

    #[test]
    fn g4_compact_pattern() {
        assert_eq!(NamePattern::Compact.render("agent", "Writer", "edit"), "agent.Writer");
    }

    #[test]
    fn g4_own_pattern() {
        for (template, name) in [
            ("{kind}", "agent"),
            ("app/{component}#{method}!", "app/Writer#edit!"),
            ("{kind}{kind}", "agentagent"),
            ("{{{method}}}", "{edit}"),
            ("fixed", "fixed"),
        ] {
            let pattern = NamePattern::custom(template).unwrap();
            assert_eq!(pattern.render("agent", "Writer", "edit"), name, "{template}");
            let NamePattern::Custom(parsed) = pattern else { panic!("not custom") };
            assert_eq!(parsed.to_string(), template);
        }
    }

    #[test]
    fn g4_a_value_is_never_read_as_a_placeholder() {
        let pattern = NamePattern::custom("{component}.{method}").unwrap();
        assert_eq!(pattern.render("agent", "{method}", "{kind}"), "{method}.{kind}");
    }

    #[test]
    fn g4_a_wrong_pattern_is_an_error_that_names_it() {
        let message = |template| NamePattern::custom(template).unwrap_err().to_string();
        assert_eq!(
            message("{kind}.{agent}"),
            "the naming pattern has `{agent}`; expected {kind}, {component} or {method}"
        );
        assert_eq!(
            message(""),
            "the naming pattern is empty; expected a placeholder, such as {component}"
        );
        for template in ["{kind", "kind}", "}", "{"] {
            assert_eq!(NamePattern::custom(template), Err(NamePatternError::Unbalanced));
        }
    }
}
