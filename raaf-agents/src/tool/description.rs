//! Tool descriptions.

use serde_json::Value as Json;

/// Source of a [`FunctionTool`](crate::FunctionTool)'s description. Strings convert to
/// [`Text`](Self::Text).
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
    /// A text.
    Text(String),
    /// The doc comment of the argument's type, which is removed from the arguments' schema. The
    /// description is empty if the type has no doc comment.
    FromDocs,
}

impl Description {
    /// Returns the description for a tool with these parameters.
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
