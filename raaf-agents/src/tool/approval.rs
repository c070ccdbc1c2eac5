//! Calls that need a person's approval.

use std::{fmt, sync::Arc};

use serde_json::Value as Json;

use crate::run::RunContext;

type Condition = dyn Fn(&RunContext, &Json) -> bool + Send + Sync;

/// Condition under which a call pauses the run until a person approves or rejects it; see
/// [`RunState`](crate::RunState).
///
/// # Examples
///
/// ```
/// use raaf_agents::{Approval, FunctionTool};
/// use schemars::JsonSchema;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Refund {
///     cents: u64,
/// }
///
/// let refund = FunctionTool::infallible("refund", "Refunds.", |refund: Refund| async move {
///     format!("{} cents refunded", refund.cents)
/// })
/// .with_approval(Approval::when(|_, arguments| arguments["cents"].as_u64() > Some(10_000)));
/// ```
#[derive(Clone, Default)]
pub struct Approval(Rule);

#[derive(Clone, Default)]
enum Rule {
    #[default]
    Never,
    Always,
    When(Arc<Condition>),
}

impl Approval {
    /// Requires no approval; the default.
    pub fn never() -> Self {
        Self(Rule::Never)
    }

    /// Requires an approval of each call.
    pub fn always() -> Self {
        Self(Rule::Always)
    }

    /// Requires an approval if the condition holds for the run and the arguments, a JSON object.
    pub fn when(condition: impl Fn(&RunContext, &Json) -> bool + Send + Sync + 'static) -> Self {
        Self(Rule::When(Arc::new(condition)))
    }

    /// Returns what a diagram says about it.
    pub(crate) fn note(&self) -> Option<&'static str> {
        match self.0 {
            Rule::Never => None,
            Rule::Always => Some("needs approval"),
            Rule::When(_) => Some("may need approval"),
        }
    }

    pub(crate) fn is_needed(&self, context: &RunContext, arguments: &Json) -> bool {
        match &self.0 {
            Rule::Never => false,
            Rule::Always => true,
            Rule::When(condition) => condition(context, arguments),
        }
    }
}

impl fmt::Debug for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Rule::Never => "Approval::never",
            Rule::Always => "Approval::always",
            Rule::When(_) => "Approval::when",
        })
    }
}
