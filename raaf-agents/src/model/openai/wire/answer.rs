//! Bodies of responses, and events of streamed ones, which differ only in `message` and `delta`.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};

use super::{
    lenient::{count, list, member, nullable, text},
    usage::UsageBody,
};

#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) model: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) choices: Vec<Choice>,
    #[serde(default, deserialize_with = "member")]
    pub(super) usage: Option<UsageBody>,
    pub(super) error: Option<Json>,
    /// `error` if the whole is one.
    #[serde(default, deserialize_with = "text")]
    pub(super) object: Option<String>,
    /// Extension of Groq, whose streams have the usage here.
    #[serde(default, deserialize_with = "member")]
    pub(super) x_groq: Option<XGroq>,
}

#[derive(Deserialize)]
pub(super) struct XGroq {
    #[serde(default, deserialize_with = "member")]
    pub(super) usage: Option<UsageBody>,
}

#[derive(Deserialize)]
pub(super) struct Choice {
    /// Position of the choice; `None` for that in the list.
    #[serde(default, deserialize_with = "count")]
    pub(super) index: Option<u64>,
    pub(super) delta: Option<MessageBody>,
    pub(super) message: Option<MessageBody>,
    #[serde(default, deserialize_with = "text")]
    pub(super) finish_reason: Option<String>,
    /// The model's own reason, which some gateways put beside a prettier one.
    #[serde(default, deserialize_with = "text")]
    pub(super) native_finish_reason: Option<String>,
    /// Gateways put the error of a provider here.
    pub(super) error: Option<Json>,
}

#[derive(Deserialize)]
pub(super) struct MessageBody {
    pub(super) content: Option<ContentBody>,
    /// Words of a model that refuses to answer, instead of the content.
    #[serde(default, deserialize_with = "text")]
    pub(super) refusal: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) tool_calls: Vec<CallBody>,
    /// Call in the older form, which `tool_calls` replaced.
    #[serde(default, deserialize_with = "member")]
    pub(super) function_call: Option<FunctionBody>,
    /// The members that hold reasoning, under the names that servers give them, and others.
    #[serde(flatten)]
    pub(super) rest: Map<String, Json>,
}

/// Text, or a list of parts.
pub(super) enum ContentBody {
    Text(String),
    Parts(Vec<Json>),
}

impl<'de> Deserialize<'de> for ContentBody {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match Json::deserialize(from)? {
            Json::String(text) => Self::Text(text),
            Json::Array(parts) => Self::Parts(parts),
            Json::Object(part) if part.get("type").is_some_and(Json::is_string) => {
                Self::Parts(vec![part.into()])
            }
            Json::Null => Self::Parts(Vec::new()),
            // JSON that the server did not encode as a string.
            json => Self::Text(json.to_string()),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct CallBody {
    #[serde(default, deserialize_with = "count")]
    pub(super) index: Option<u64>,
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "member")]
    pub(super) function: Option<FunctionBody>,
    #[serde(flatten)]
    pub(super) rest: Map<String, Json>,
}

#[derive(Default, Deserialize)]
pub(super) struct FunctionBody {
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    /// Text, or JSON: some servers do not encode it.
    #[serde(default)]
    pub(super) arguments: Json,
}
