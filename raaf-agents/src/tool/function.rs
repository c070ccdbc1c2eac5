//! Async functions as tools.

use std::{error::Error, fmt, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::future::BoxFuture;
use raaf_trace_core::{Attributes, Component, Traceable, keys};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

use super::{Description, OnToolError, Tool, ToolError};
use crate::{model::ToolSpec, run::RunContext};

type Run = dyn Fn(&RunContext, Json) -> BoxFuture<'static, Result<Json, ToolError>> + Send + Sync;
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
    on_error: Option<OnToolError>,
}

impl FunctionTool {
    /// Creates a tool from a function that can fail. By default the model receives the error's text
    /// and causes.
    ///
    /// The argument's type should be a struct, or `()` for no arguments: servers only accept objects
    /// with known properties. Numbers, strings and enums belong in its fields.
    pub fn new<A, F, T, E>(
        name: impl Into<String>,
        description: impl Into<Description>,
        function: impl Fn(A) -> F + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Serialize,
        E: Into<Box<dyn Error + Send + Sync>>,
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
    pub fn with_context<A, F, T, E>(
        name: impl Into<String>,
        description: impl Into<Description>,
        function: impl Fn(RunContext, A) -> F + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Serialize,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let name = name.into();
        let tool = name.clone();
        let run = move |context: &RunContext, arguments: Json| -> BoxFuture<'static, _> {
            let tool = tool.clone();
            let work = read_arguments(&tool, arguments)
                .map(|arguments| function(context.clone(), arguments));
            Box::pin(async move {
                match work?.await {
                    Ok(result) => serde_json::to_value(result)
                        .map_err(|source| ToolError::Result { tool, source }),
                    Err(error) => Err(ToolError::Failed { tool, source: error.into() }),
                }
            })
        };
        let mut parameters = parameters_of::<A>();
        let description = description.into().into_text(&mut parameters);
        Self {
            component: Component::tool(&name),
            spec: Arc::new(ToolSpec { name, description, parameters }),
            run: Arc::new(run),
            enabled: None,
            timeout: None,
            on_error: None,
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
        F: Future<Output: Serialize> + Send + 'static,
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

    /// Sets what to do when a call fails. This overrides [the runner's
    /// setting](crate::Runner::on_tool_error).
    #[must_use]
    pub fn with_on_error(mut self, on_error: OnToolError) -> Self {
        self.on_error = Some(on_error);
        self
    }

    /// Binds the tool to a parent component. Without an active span, its spans are children of the
    /// parent's active span.
    #[must_use]
    pub fn with_parent(self, parent: &(impl Traceable + ?Sized)) -> Self {
        Self { component: self.component.with_parent(parent), ..self }
    }
}

fn read_arguments<A: DeserializeOwned>(tool: &str, arguments: Json) -> Result<A, ToolError> {
    // Models send an empty object to a function of `()`.
    let is_empty = arguments.as_object().is_some_and(serde_json::Map::is_empty);
    let unit = || is_empty.then(|| serde_json::from_value(Json::Null).ok()).flatten();
    serde_json::from_value(arguments)
        .or_else(|error| unit().ok_or(error))
        .map_err(|error| ToolError::Arguments { tool: tool.to_owned(), message: error.to_string() })
}

/// Returns the schema of a tool's arguments. Servers require an object, even for `()` and for types
/// that accept any value.
fn parameters_of<A: JsonSchema>() -> Json {
    let mut schema = match schema_of::<A>() {
        Json::Object(schema) => schema,
        _ => serde_json::Map::new(),
    };
    let is_open = schema.keys().all(|key| key == "description");
    if is_open || schema.get("type").is_some_and(|kind| kind == "null") {
        schema.insert("type".to_owned(), "object".into());
        schema.insert("properties".to_owned(), serde_json::Map::new().into());
    }
    schema.into()
}

/// Returns a type's schema without references, which not every server resolves.
pub(crate) fn schema_of<A: JsonSchema>() -> Json {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<A>();
    schema.remove("title");
    let mut schema = Json::from(schema);
    // Servers require `properties`, even for a tool without arguments.
    if let Some(object) = schema.as_object_mut()
        && object.get("type").is_some_and(|kind| kind == "object")
    {
        object.entry("properties").or_insert_with(|| Json::Object(serde_json::Map::new()));
    }
    schema
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

    async fn invoke(&self, arguments: Json) -> Result<Json, ToolError> {
        self.invoke_in(&RunContext::new(), arguments).await
    }

    async fn invoke_in(&self, context: &RunContext, arguments: Json) -> Result<Json, ToolError> {
        (self.run)(context, arguments).await
    }

    fn is_enabled(&self, context: &RunContext) -> bool {
        self.enabled.as_ref().is_none_or(|enabled| enabled(context))
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    fn on_error(&self) -> Option<OnToolError> {
        self.on_error
    }
}

impl fmt::Debug for FunctionTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionTool").field("spec", &self.spec).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
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
    async fn invalid_arguments_are_named() {
        let tool = FunctionTool::infallible("search", "Finds.", |args: Args| async { args.query });
        let error = tool.invoke(json!({"limit": 3})).await.unwrap_err();
        assert_eq!(error.to_string(), "invalid arguments for `search`: missing field `query`");
    }
}
