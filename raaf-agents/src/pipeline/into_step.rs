//! The one short function that makes a step of what is the user's.

use super::{Flow, FunctionStep, State, Step, ToolStep, function::BoxError, service};
use crate::tool::Tool;

/// Makes a part of a pipeline of what is yours: a [`Step`], a [`Tool`], or an async function from
/// state to state, which goes by its own name. For a closure, which has none, take
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

/// What [`step`](fn@crate::step) takes. `Via` only keeps the implementations apart, and is always
/// inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot become a step of a pipeline",
    note = "implement `Step` or `Tool` for it, or make a step of a function: `service(name, f)`"
)]
pub trait IntoStep<Via> {
    /// What it becomes.
    type Step: Into<Flow>;

    /// Makes the step.
    fn into_step(self) -> Self::Step;
}

/// The ways by which a type is an [`IntoStep`].
pub mod via {
    /// By being a [`Step`](trait@crate::Step).
    #[derive(Debug)]
    pub enum Step {}
    /// By being a [`Tool`](crate::Tool).
    #[derive(Debug)]
    pub enum Tool {}
    /// By being an async function.
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

/// The function's name without its modules.
fn function_name(path: &str) -> &str {
    let path = path.split('<').next().unwrap_or(path);
    let last = path.rsplit("::").next().unwrap_or(path);
    if last.starts_with('{') { "function" } else { last }
}

#[cfg(test)]
mod tests {
    use super::function_name;

    #[test]
    fn functions_go_by_their_own_names() {
        assert_eq!(function_name("app::steps::load"), "load");
        assert_eq!(function_name("app::load<app::Data<u8>>"), "load");
        assert_eq!(function_name("app::main::{{closure}}"), "function");
    }
}
