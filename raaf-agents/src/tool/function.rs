//! Async functions as tools.

use std::{any::Any, error::Error, fmt, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::future::BoxFuture;
use raaf_trace_core::{Attributes, Component, Traceable, call::Failure, keys};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

use super::{Approval, Arguments, Description, OnToolError, Tool, ToolError, name};
use crate::{
    conversation::Content,
    diagram::Drawing,
    errors::boxed,
    model::{StrictSchemaError, ToolSpec, strict_schema},
    run::RunContext,
};

type Run =
    dyn Fn(&RunContext, Json) -> BoxFuture<'static, Result<Content, ToolError>> + Send + Sync;
type Enabled = dyn Fn(&RunContext) -> bool + Send + Sync;

/// Tool made of an async function.
///
/// The JSON Schema of the arguments is derived from the type of the function's argument, with the
/// doc comments of the fields as descriptions. The tool's own description can come from
/// [the type's doc comment](Description::FromDocs). Arguments that do not deserialize to the type
/// are reported to the model and do not reach the function.
///
/// The function runs in the task of the agent's run, so move long computations to a blocking thread.
/// Clones are the same component.
///
/// # Examples
///
/// ```
/// use raaf_agents::{FunctionTool, Tool as _};
/// use schemars::JsonSchema;
/// use serde::Deserialize;
/// use serde_json::json;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Division {
///     /// The number to divide.
///     dividend: i64,
///     divisor: i64,
/// }
///
/// let divide = FunctionTool::new("divide", "Divides whole numbers.", |args: Division| async move {
///     args.dividend.checked_div(args.divisor).ok_or("division by zero")
/// });
/// assert_eq!(divide.spec().parameters["properties"]["dividend"]["type"], "integer");
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// assert_eq!(divide.call(json!({ "dividend": 12, "divisor": 4 })).await?, 3);
/// assert!(divide.call(json!({ "dividend": 12 })).await.is_err());
/// # Ok::<(), raaf_agents::ToolError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct FunctionTool {
    component: Component,
    spec: Arc<ToolSpec>,
    run: Arc<Run>,
    enabled: Option<Arc<Enabled>>,
    timeout: Option<Duration>,
    approval: Approval,
    on_error: Option<OnToolError>,
    is_final: bool,
}

impl FunctionTool {
    /// Creates a tool from a function that can fail. By default the model receives the error's text
    /// and causes. The error's type is the `error.type` of the tool's span; see
    /// [`ErrorType`](raaf_trace_core::ErrorType).
    ///
    /// The argument's type should be a struct, or `()` for no arguments: servers accept objects only. A
    /// number, a string, a list or an enum is put into an object with the member `value`.
    ///
    /// Servers accept names of up to 64 letters, digits, `_` and `-`. Another name, such as
    /// `get weather!`, is converted, and gets a hash, so that different names stay different.
    pub fn new<A, F, T, E, Via>(
        name: impl Into<String>,
        description: impl Into<Description>,
        function: impl Fn(A) -> F + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Serialize + 'static,
        E: Failure<Via> + Into<Box<dyn Error + Send + Sync>>,
    {
        Self::with_context(name, description, move |_, arguments| function(arguments))
    }

    /// Creates a tool from a function of the run's context and the argument; see
    /// [`new`](Self::new).
    ///
    /// ```
    /// use raaf_agents::{FunctionTool, RunContext, Tool as _};
    ///
    /// let whoami = FunctionTool::with_context(
    ///     "whoami",
    ///     "Returns the user's name.",
    ///     |context: RunContext, _: serde_json::Value| async move {
    ///         context.value::<String>().cloned().ok_or("no user is signed in")
    ///     },
    /// );
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let context = RunContext::with_value("Ada".to_owned());
    /// assert_eq!(whoami.call_in(&context, serde_json::json!({})).await?, "Ada");
    /// # Ok::<(), raaf_agents::ToolError>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn with_context<A, F, T, E, Via>(
        name: impl Into<String>,
        description: impl Into<Description>,
        function: impl Fn(RunContext, A) -> F + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Serialize + 'static,
        E: Failure<Via> + Into<Box<dyn Error + Send + Sync>>,
    {
        let name = name.into();
        let component = Component::tool(&name);
        let name = name::legal(name);
        let tool = name.clone();
        let (mut parameters, reader) = Arguments::of::<A>();
        let run = move |context: &RunContext, arguments: Json| -> BoxFuture<'static, _> {
            let tool = tool.clone();
            let work = reader.read(arguments).map(|arguments| function(context.clone(), arguments));
            Box::pin(async move {
                let work = match work {
                    Ok(work) => work,
                    Err(message) => return Err(ToolError::Arguments { tool, message }),
                };
                match work.await {
                    Ok(result) => {
                        into_content(result).map_err(|source| ToolError::Result { tool, source })
                    }
                    Err(error) => Err(ToolError::Failed { tool, source: boxed(error) }),
                }
            })
        };
        let description = description.into().into_text(&mut parameters);
        Self {
            component,
            spec: Arc::new(ToolSpec::new(name, description, parameters)),
            run: Arc::new(run),
            enabled: None,
            timeout: None,
            approval: Approval::never(),
            on_error: None,
            is_final: false,
        }
    }

    /// Creates a tool from a function that cannot fail; see [`new`](Self::new).
    pub fn infallible<A, F>(
        name: impl Into<String>,
        description: impl Into<Description>,
        function: impl Fn(A) -> F + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        F: Future<Output: Serialize + 'static> + Send + 'static,
    {
        Self::new(name, description, move |arguments: A| {
            let work = function(arguments);
            async move { Ok::<_, Box<dyn Error + Send + Sync>>(work.await) }
        })
    }

    /// Sets a condition, which is checked in each turn. If it does not hold, the model does not see
    /// the tool and cannot call it.
    #[must_use]
    pub fn enabled_if(
        mut self,
        enabled: impl Fn(&RunContext) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.enabled = Some(Arc::new(enabled));
        self
    }

    /// Sets the maximum duration of a call. A call that exceeds it is dropped and fails with
    /// [`ToolError::Timeout`]. A blocking function cannot be interrupted: the limit is checked when
    /// it awaits.
    ///
    /// ```
    /// use std::{future, time::Duration};
    /// use raaf_agents::{FunctionTool, ToolError, Tool as _};
    /// use serde_json::json;
    ///
    /// let stuck = FunctionTool::infallible("stuck", "Never returns.", |(): ()| future::pending::<()>())
    ///     .with_timeout(Duration::from_millis(5));
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// let error = stuck.call(json!({})).await.unwrap_err();
    /// assert!(matches!(error, ToolError::Timeout { .. }));
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// A call panics outside of a tokio runtime, and in one without a timer (`enable_time` or
    /// `enable_all` of `tokio::runtime::Builder`).
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets when a call pauses the run until a person approves or rejects it.
    #[must_use]
    pub fn with_approval(mut self, approval: Approval) -> Self {
        self.approval = approval;
        self
    }

    /// Sets what to do when a call fails. This overrides [the runner's
    /// setting](crate::Runner::on_tool_error).
    #[must_use]
    pub fn with_on_error(mut self, on_error: OnToolError) -> Self {
        self.on_error = Some(on_error);
        self
    }

    /// Makes the result of a successful call the answer of the run, without another call of the model. It
    /// need not match the agent's output type; see [`RunResult::typed`](crate::RunResult::typed).
    #[must_use]
    pub fn with_final_result(mut self) -> Self {
        self.is_final = true;
        self
    }

    /// Requires the server to enforce the schema of the arguments, if it can;
    /// see [`strict_schema`](crate::strict_schema).
    ///
    /// # Errors
    ///
    /// If the schema cannot be strict.
    pub fn strict(mut self) -> Result<Self, StrictSchemaError> {
        let spec = Arc::make_mut(&mut self.spec);
        spec.parameters = strict_schema(&spec.parameters)?;
        spec.strict = true;
        Ok(self)
    }

    /// Binds the tool to a parent component. Without an active span, its spans are children of the
    /// parent's active span.
    #[must_use]
    pub fn with_parent(self, parent: &(impl Traceable + ?Sized)) -> Self {
        Self { component: self.component.with_parent(parent), ..self }
    }
}

/// Converts a result. [`Content`] stays as it is; other values become JSON.
fn into_content<T: Serialize + 'static>(result: T) -> Result<Content, serde_json::Error> {
    if let Some(content) = (&result as &dyn Any).downcast_ref::<Content>() {
        return Ok(content.clone());
    }
    serde_json::to_value(result).map(Content::json)
}

impl Traceable for FunctionTool {
    fn component(&self) -> &Component {
        &self.component
    }

    fn span_attributes(&self, attributes: &mut Attributes) {
        attributes.set(keys::TOOL_NAME, &self.spec.name);
    }
}

#[async_trait]
impl Tool for FunctionTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn invoke(&self, arguments: Json) -> Result<Content, ToolError> {
        self.invoke_in(&RunContext::new(), arguments).await
    }

    async fn invoke_in(&self, context: &RunContext, arguments: Json) -> Result<Content, ToolError> {
        (self.run)(context, arguments).await
    }

    fn is_enabled(&self, context: &RunContext) -> bool {
        self.enabled.as_ref().is_none_or(|enabled| enabled(context))
    }

    fn needs_approval(&self, context: &RunContext, arguments: &Json) -> bool {
        self.approval.is_needed(context, arguments)
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    fn on_error(&self) -> Option<OnToolError> {
        self.on_error
    }

    fn is_final(&self) -> bool {
        self.is_final
    }

    fn draw(&self, drawing: &mut Drawing) {
        let condition = self.enabled.as_ref().map(|_| "if enabled");
        for note in condition.into_iter().chain(self.approval.note()) {
            drawing.note(note);
        }
    }
}

impl fmt::Debug for FunctionTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionTool").field("spec", &self.spec).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize, JsonSchema)]
    struct Args {
        /// The search terms.
        query: String,
        limit: Option<u8>,
    }

    #[derive(Deserialize, JsonSchema)]
    struct Nothing {}

    #[test]
    fn the_schema_is_derived_from_the_argument() {
        let tool = FunctionTool::infallible("search", "Finds.", |args: Args| async move {
            (args.query, args.limit)
        });
        let parameters = &tool.spec().parameters;
        assert_eq!(parameters["type"], "object");
        assert_eq!(parameters["required"], json!(["query"]));
        assert_eq!(parameters["properties"]["query"]["description"], "The search terms.");
        assert_eq!(parameters.get("$schema"), None);
    }

    #[test]
    fn a_tool_without_arguments_takes_an_empty_object() {
        let tool = FunctionTool::infallible("now", "Tells.", |Nothing {}| async { 1 });
        assert_eq!(tool.spec().parameters, json!({"type": "object", "properties": {}}));
    }

    #[tokio::test]
    async fn an_argument_that_is_not_an_object_is_put_into_one() {
        let double = FunctionTool::infallible("double", "Doubles.", |n: u32| async move { 2 * n });
        let parameters = &double.spec().parameters;
        assert_eq!(
            (&parameters["type"], &parameters["required"]),
            (&json!("object"), &json!(["value"]))
        );
        assert_eq!(parameters["properties"]["value"]["type"], "integer");
        assert_eq!(double.invoke(json!({"value": 4})).await.unwrap(), 8);
        assert_eq!(double.invoke(json!(4)).await.unwrap(), 8);
        let error = double.invoke(json!({"value": "x"})).await.unwrap_err().to_string();
        assert!(error.contains("invalid type: string"), "{error}");
    }

    #[test]
    fn a_strict_tool_requires_all_fields_and_nothing_else() {
        let tool = FunctionTool::infallible("search", "Finds.", |args: Args| async { args.query });
        let strict = tool.strict().unwrap();
        let ToolSpec { parameters, strict, .. } = strict.spec();
        assert_eq!((strict, &parameters["additionalProperties"]), (&true, &json!(false)));
        assert_eq!(parameters["required"], json!(["limit", "query"]));
        let of_map =
            FunctionTool::infallible("set", "Sets.", |args: HashMap<String, String>| async move {
                args.len()
            });
        assert!(of_map.strict().is_err());
    }

    #[test]
    fn a_name_that_servers_refuse_is_converted() {
        let tool =
            |name: &str| FunctionTool::infallible(name, "", |(): ()| async {}).spec().name.clone();
        assert_eq!(tool("get_weather"), "get_weather");
        let converted = tool("get weather!");
        assert!(converted.starts_with("get_weather_"), "{converted}");
        assert_ne!(converted, tool("get weather?"));
    }

    #[tokio::test]
    async fn invalid_arguments_are_named() {
        let tool = FunctionTool::infallible("search", "Finds.", |args: Args| async { args.query });
        let error = tool.invoke(json!({"limit": 3})).await.unwrap_err();
        assert_eq!(error.to_string(), "invalid arguments for `search`: missing field `query`");
    }
}
