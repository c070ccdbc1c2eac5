//! Conversion of user types into steps.

use super::{Flow, FunctionStep, State, Step, ToolStep, service};
use crate::errors::BoxError;
use crate::tool::Tool;

/// Converts a type of your own into a part of a pipeline: a [`Step`], a [`Tool`], or an async
/// function that maps the state, which keeps its name. For a closure, which has no name, use
/// [`service`](fn@crate::service).
///
/// # Examples
///
/// ```
/// use std::error::Error;
/// use raaf_agents::{FlowExt as _, State, step};
///
/// async fn load(state: State) -> Result<State, Box<dyn Error + Send + Sync>> {
///     Ok(state.with("text", "tea"))
/// }
///
/// async fn shout(state: State) -> Result<State, Box<dyn Error + Send + Sync>> {
///     let text = state.text("text")?.to_uppercase();
///     Ok(state.with("text", text))
/// }
///
/// let pipeline = (step(load) >> step(shout)).named("Loud").build()?;
/// assert_eq!(format!("{pipeline:?}"), r#"Pipeline { name: "Loud", steps: ["load", "shout"], .. }"#);
/// # Ok::<(), raaf_agents::BuildError>(())
/// ```
pub fn step<Via, X: IntoStep<Via>>(own: X) -> X::Step {
    own.into_step()
}

/// Types that [`step`](fn@crate::step) accepts. `Via` keeps the implementations apart and is always
/// inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be converted into a pipeline step",
    label = "neither a `Step`, a `Tool`, nor an async function from `State` to `Result<State, _>`",
    note = "implement `Step` or `Tool` for it, or use `service(name, closure)`"
)]
pub trait IntoStep<Via> {
    /// The resulting part of a pipeline.
    type Step: Into<Flow>;

    /// Converts `self`.
    fn into_step(self) -> Self::Step;
}

/// Markers for the implementations of [`IntoStep`].
#[doc(hidden)]
pub mod via {
    /// Types that implement [`Step`](trait@crate::Step).
    #[derive(Debug)]
    pub enum Step {}
    /// Types that implement [`Tool`](crate::Tool).
    #[derive(Debug)]
    pub enum Tool {}
    /// Async functions.
    #[derive(Debug)]
    pub enum Function {}
}

impl<S: Step + 'static> IntoStep<via::Step> for S {
    type Step = Flow;

    fn into_step(self) -> Flow {
        self.into()
    }
}

impl<T: Tool + 'static> IntoStep<via::Tool> for T {
    type Step = ToolStep;

    fn into_step(self) -> ToolStep {
        ToolStep::new(self)
    }
}

impl<F, Work> IntoStep<(via::Function, Work)> for F
where
    F: Fn(State) -> Work + Send + Sync + 'static,
    Work: Future<Output = Result<State, BoxError>> + Send + 'static,
{
    type Step = FunctionStep;

    fn into_step(self) -> FunctionStep {
        service(function_name(std::any::type_name::<F>()), self)
    }
}

/// Returns a function's name without its path.
fn function_name(path: &str) -> &str {
    let path = path.split('<').next().unwrap_or(path);
    let last = path.rsplit("::").next().unwrap_or(path);
    if last.starts_with('{') { "function" } else { last }
}

#[cfg(test)]
mod tests {
    use super::function_name;

    #[test]
    fn functions_keep_their_names() {
        assert_eq!(function_name("app::steps::load"), "load");
        assert_eq!(function_name("app::load<app::Data<u8>>"), "load");
        assert_eq!(function_name("app::main::{{closure}}"), "function");
    }
}
