//! Where a tool's description comes from.

use serde_json::Value as Json;

/// Where a [`FunctionTool`](crate::FunctionTool)'s description comes from. Strings are taken as they
/// are.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Description, FunctionTool, Tool as _};
/// use schemars::JsonSchema;
/// use serde::Deserialize;
///
/// /// Searches the docs. Short queries find more.
/// #[derive(Deserialize, JsonSchema)]
/// struct Search {
///     /// What to look for.
///     query: String,
/// }
///
/// let search = FunctionTool::infallible("search", Description::FromDocs, |search: Search| async move {
///     search.query
/// });
/// assert_eq!(search.spec().description, "Searches the docs. Short queries find more.");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Description {
    /// This text.
    Text(String),
    /// The doc comment of the argument's type, which is then no longer a part of the schema of the
    /// arguments. Of a type without a doc comment the description is empty: the model goes by the
    /// tool's name and the fields.
    FromDocs,
}

impl Description {
    /// As text, for a tool with these parameters.
    pub(super) fn into_text(self, parameters: &mut Json) -> String {
        match self {
            Self::Text(text) => text,
            Self::FromDocs => {
                let docs = parameters.as_object_mut().and_then(|all| all.remove("description"));
                docs.as_ref().and_then(Json::as_str).unwrap_or_default().to_owned()
            }
        }
    }
}

impl From<&str> for Description {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Description {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Description {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}
