//! A plain async function as a tool.

use std::{error::Error, fmt, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::future::BoxFuture;
use raaf_trace_core::{Attributes, Component, Traceable, keys};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

use super::{Description, Tool, ToolError};
use crate::{
    model::ToolSpec,
    runner::{OnToolError, RunContext},
};

type Run = dyn Fn(&RunContext, Json) -> BoxFuture<'static, Result<Json, ToolError>> + Send + Sync;
type Enabled = dyn Fn(&RunContext) -> bool + Send + Sync;

/// An async function as a tool. Its JSON Schema comes from the type of its argument, with the doc
/// comments of the fields as descriptions, and so can [its own](Description::FromDocs); arguments
/// that do not fit never reach it.
///
/// Functions run in the agent's own task: one that computes for long should hand that to a
/// blocking thread. Clones are the same component.
///
/// # Examples
///
/// ```
/// use raaf_agents::{FunctionTool, Tool as _, ToolExt as _};
/// use schemars::JsonSchema;
/// use serde::Deserialize;
/// use serde_json::json;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Division {
///     /// What is divided.
///     dividend: i64,
///     divisor: i64,
/// }
///
/// let divide = FunctionTool::new("divide", "Divides whole numbers.", |args: Division| async move {
///     args.dividend.checked_div(args.divisor).ok_or("there is no such number")
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
    /// A tool that can fail: `function` takes one argument and returns a future of a `Result`.
    ///
    /// Servers take arguments that are an object with known properties: the argument's type should
    /// be a struct, or `()` for none. Numbers, texts and enums belong into its fields.
    ///
    /// The model is told the error's text.
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

    /// The same, and `function` gets the run's context before the argument.
    ///
    /// ```
    /// use raaf_agents::{FunctionTool, RunContext, ToolExt as _};
    ///
    /// let whoami = FunctionTool::with_context(
    ///     "whoami",
    ///     "Tells the user's name.",
    ///     |context: RunContext, _: serde_json::Value| async move {
    ///         context.value::<String>().cloned().ok_or("nobody is there")
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

    /// A tool that cannot fail: `function` returns a future of a plain value.
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

    /// The same, on offer only where the function says so.
    #[must_use]
    pub fn enabled_if(
        mut self,
        enabled: impl Fn(&RunContext) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.enabled = Some(Arc::new(enabled));
        self
    }

    /// The same; a call that takes longer is dropped, and fails.
    ///
    /// # Panics
    ///
    /// Such a call panics outside of a tokio runtime, and inside of one whose clock is
    /// not enabled (`enable_time` or `enable_all` of `tokio::runtime::Builder`).
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The same with an answer of its own to failures, whatever the runner says.
    #[must_use]
    pub fn with_on_error(mut self, on_error: OnToolError) -> Self {
        self.on_error = Some(on_error);
        self
    }

    /// The same, bound to a parent: where no context says otherwise, its spans hang under it.
    #[must_use]
    pub fn with_parent(self, parent: &(impl Traceable + ?Sized)) -> Self {
        Self { component: self.component.with_parent(parent), ..self }
    }
}

fn read_arguments<A: DeserializeOwned>(tool: &str, arguments: Json) -> Result<A, ToolError> {
    // A function of `()` takes the object without properties that models send for nothing.
    let is_empty = arguments.as_object().is_some_and(serde_json::Map::is_empty);
    let nothing = || is_empty.then(|| serde_json::from_value(Json::Null).ok()).flatten();
    serde_json::from_value(arguments)
        .or_else(|error| nothing().ok_or(error))
        .map_err(|error| ToolError::Arguments { tool: tool.to_owned(), message: error.to_string() })
}

/// The schema of a tool's argument. Servers insist on an object, also where anything will do, or
/// nothing.
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

/// The schema without references: not every server follows them.
pub(crate) fn schema_of<A: JsonSchema>() -> Json {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<A>();
    schema.remove("title");
    let mut schema = Json::from(schema);
    // Servers insist on an object with properties, also for a tool without arguments.
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
        /// What to look for.
        query: String,
        limit: Option<u8>,
    }

    #[derive(Deserialize, JsonSchema)]
    struct Nothing {}

    #[test]
    fn the_schema_follows_from_the_argument() {
        let tool = FunctionTool::infallible("search", "Finds.", |args: Args| async move {
            (args.query, args.limit)
        });
        let parameters = &tool.spec().parameters;
        assert_eq!(parameters["type"], "object");
        assert_eq!(parameters["required"], json!(["query"]));
        assert_eq!(parameters["properties"]["query"]["description"], "What to look for.");
        assert_eq!(parameters.get("$schema"), None);
    }

    #[test]
    fn a_tool_without_arguments_takes_an_empty_object() {
        let tool = FunctionTool::infallible("now", "Tells.", |Nothing {}| async { 1 });
        assert_eq!(tool.spec().parameters, json!({"type": "object", "properties": {}}));
    }

    #[tokio::test]
    async fn arguments_that_do_not_fit_are_named() {
        let tool = FunctionTool::infallible("search", "Finds.", |args: Args| async { args.query });
        let error = tool.invoke(json!({"limit": 3})).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the arguments for `search` do not fit: missing field `query`"
        );
    }
}
