//! Bodies of responses, and events of streamed ones, which differ only in `message` and `delta`.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};

use super::usage::UsageBody;

#[derive(Deserialize)]
pub(super) struct Answer {
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) choices: Vec<Choice>,
    pub(super) usage: Option<UsageBody>,
    pub(super) error: Option<Json>,
    /// `error` if the whole is one.
    pub(super) object: Option<String>,
    /// Extension of Groq, whose streams have the usage here.
    pub(super) x_groq: Option<XGroq>,
}

#[derive(Deserialize)]
pub(super) struct XGroq {
    pub(super) usage: Option<UsageBody>,
}

#[derive(Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    pub(super) index: u64,
    pub(super) delta: Option<MessageBody>,
    pub(super) message: Option<MessageBody>,
    pub(super) finish_reason: Option<String>,
    /// The model's own reason, which some gateways put beside a prettier one.
    pub(super) native_finish_reason: Option<String>,
    /// Gateways put the error of a provider here.
    pub(super) error: Option<Json>,
}

#[derive(Deserialize)]
pub(super) struct MessageBody {
    pub(super) content: Option<ContentBody>,
    /// Words of a model that refuses to answer, instead of the content.
    pub(super) refusal: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) tool_calls: Vec<CallBody>,
    /// The members that hold reasoning, under the names that servers give them, and others.
    #[serde(flatten)]
    pub(super) rest: Map<String, Json>,
}

/// Text, or a list of parts.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum ContentBody {
    Text(String),
    Parts(Vec<Json>),
}

#[derive(Deserialize)]
pub(super) struct CallBody {
    pub(super) index: Option<u64>,
    pub(super) id: Option<String>,
    pub(super) function: Option<FunctionBody>,
    #[serde(flatten)]
    pub(super) rest: Map<String, Json>,
}

#[derive(Deserialize)]
pub(super) struct FunctionBody {
    pub(super) name: Option<String>,
    /// Text, or JSON: some servers do not encode it.
    #[serde(default)]
    pub(super) arguments: Json,
}

/// Reads `null` as a default.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
