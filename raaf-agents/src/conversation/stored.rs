//! Serialized form of messages, and the forms of earlier versions.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value as Json;

use super::{
    Citation, HostedCall, Media, Message, Part, ProviderData, Reasoning, Role, ToolCall, ToolResult,
};

/// The version that is written.
const VERSION: u32 = 2;

#[derive(Serialize)]
pub(super) struct Written {
    v: u32,
    role: Role,
    parts: Vec<Part>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_data: Option<ProviderData>,
}

impl From<Message> for Written {
    fn from(Message { role, parts, provider_data }: Message) -> Self {
        Self { v: VERSION, role, parts, provider_data }
    }
}

/// Message of any version. The first had no number, and fields instead of parts.
#[derive(Deserialize)]
pub(super) struct Read {
    v: Option<u32>,
    role: Role,
    #[serde(default)]
    parts: Vec<Part>,
    provider_data: Option<ProviderData>,
    content: Option<String>,
    #[serde(default)]
    tool_calls: Vec<ToolCall>,
    call_id: Option<String>,
    name: Option<String>,
    #[serde(default)]
    is_error: bool,
}

impl TryFrom<Read> for Message {
    type Error = String;

    fn try_from(read: Read) -> Result<Self, String> {
        let Read { v, role, parts, provider_data, content, tool_calls, call_id, name, is_error } =
            read;
        // A message with parts and no number was written by hand.
        match v.unwrap_or(if parts.is_empty() { 1 } else { VERSION }) {
            1 if role == Role::Tool => {
                let call_id = call_id.ok_or("missing field `call_id`")?;
                let content = content.map(Part::Text).into_iter().collect();
                let name = name.unwrap_or_default();
                Ok(ToolResult { call_id, name, content, is_error }.into())
            }
            1 => {
                let calls = tool_calls.into_iter().map(Part::ToolCall);
                let parts = content.map(Part::Text).into_iter().chain(calls).collect();
                Ok(Self { role, parts, provider_data: None })
            }
            VERSION => Ok(Self { role, parts, provider_data }),
            later => Err(format!(
                "message of version {later}; this version of raaf-agents reads versions up to \
                 {VERSION}"
            )),
        }
    }
}

/// Parts of which the form is known.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Known {
    Text { text: String },
    Image(Media),
    Audio(Media),
    File(Media),
    Json { json: Json },
    Reasoning(Reasoning),
    ToolCall(ToolCall),
    ToolResult(ToolResult),
    HostedCall(HostedCall),
    Citation(Citation),
    Refusal { refusal: String },
}

/// Names of the [`Known`] parts.
const KNOWN: [&str; 11] = [
    "text",
    "image",
    "audio",
    "file",
    "json",
    "reasoning",
    "tool_call",
    "tool_result",
    "hosted_call",
    "citation",
    "refusal",
];

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let known = match self.clone() {
            Self::Text(text) => Known::Text { text },
            Self::Image(media) => Known::Image(media),
            Self::Audio(media) => Known::Audio(media),
            Self::File(media) => Known::File(media),
            Self::Json(json) => Known::Json { json },
            Self::Reasoning(reasoning) => Known::Reasoning(reasoning),
            Self::ToolCall(call) => Known::ToolCall(call),
            Self::ToolResult(result) => Known::ToolResult(result),
            Self::HostedCall(call) => Known::HostedCall(call),
            Self::Citation(citation) => Known::Citation(citation),
            Self::Refusal(refusal) => Known::Refusal { refusal },
            Self::Unknown(json) => return json.serialize(to),
        };
        known.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(from)?;
        let kind = json.get("type").and_then(Json::as_str);
        let kind = kind.ok_or_else(|| D::Error::missing_field("type"))?;
        if !KNOWN.contains(&kind) {
            return Ok(Self::Unknown(json));
        }
        Ok(match Known::deserialize(json).map_err(D::Error::custom)? {
            Known::Text { text } => Self::Text(text),
            Known::Image(media) => Self::Image(media),
            Known::Audio(media) => Self::Audio(media),
            Known::File(media) => Self::File(media),
            Known::Json { json } => Self::Json(json),
            Known::Reasoning(reasoning) => Self::Reasoning(reasoning),
            Known::ToolCall(call) => Self::ToolCall(call),
            Known::ToolResult(result) => Self::ToolResult(result),
            Known::HostedCall(call) => Self::HostedCall(call),
            Known::Citation(citation) => Self::Citation(citation),
            Known::Refusal { refusal } => Self::Refusal(refusal),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_are_read_without_a_version() {
        let json = json!({"role": "user", "parts": [{"type": "text", "text": "hi"}]});
        assert_eq!(serde_json::from_value::<Message>(json).unwrap(), Message::user("hi"));
    }

    #[test]
    fn each_part_survives_json() {
        let call = ToolCall {
            provider_data: ProviderData::new("host", [("signature".to_owned(), json!("s"))]),
            ..ToolCall::new("c1", "search", &json!({}))
        };
        let reasoning = Reasoning {
            summary: "short".to_owned(),
            field: Some("reasoning".to_owned()),
            ..Reasoning::new("long")
        };
        let result = ToolResult::error(
            &call,
            [
                Part::text("broken"),
                Part::Json(json!({"at": 1})),
                Part::Image(Media::bytes("image/png", b"\x89PNG")),
            ],
        );
        let messages = vec![
            Message::system("be kind"),
            Message::user([
                Part::text("hello"),
                Part::Image(Media::url("https://host/a.png").with_detail("low")),
                Part::Audio(Media::bytes("audio/wav", b"RIFF")),
                Part::File(Media::file_id("file-1").with_name("a.pdf")),
            ]),
            Message::assistant([Part::Reasoning(reasoning), Part::ToolCall(call)]),
            result.into(),
            Message::assistant([
                Part::HostedCall(HostedCall {
                    arguments: json!({"query": "rain"}),
                    result: vec![Part::text("wet")],
                    ..HostedCall::new("ws_1", "web_search")
                }),
                Part::text("It rains."),
                Part::Citation(Citation { start: Some(0), end: Some(9), ..Citation::default() }),
            ]),
            Message::assistant([Part::Refusal("no".to_owned())]),
        ];
        let json = serde_json::to_string(&messages).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Message>>(&json).unwrap(), messages, "{json}");
    }

    #[test]
    fn the_written_form_is_fixed() {
        let call = ToolCall::new("c1", "search", &json!({"q": 1}));
        let messages = [
            Message::user([
                Part::text("hi"),
                Part::Image(Media::bytes("image/png", b"abc")),
                Part::Image(Media::url("https://host/a.png")),
            ]),
            Message::assistant([
                Part::Reasoning(Reasoning::new("hm")),
                Part::ToolCall(call.clone()),
            ]),
            Message::tool(&call, "found"),
        ];
        assert_eq!(
            serde_json::to_value(&messages).unwrap(),
            json!([
                {"v": 2, "role": "user", "parts": [
                    {"type": "text", "text": "hi"},
                    {"type": "image", "bytes": "YWJj", "media_type": "image/png"},
                    {"type": "image", "url": "https://host/a.png"},
                ]},
                {"v": 2, "role": "assistant", "parts": [
                    {"type": "reasoning", "text": "hm"},
                    {"type": "tool_call", "id": "c1", "name": "search", "arguments": "{\"q\":1}"},
                ]},
                {"v": 2, "role": "tool", "parts": [
                    {"type": "tool_result", "call_id": "c1", "name": "search",
                     "content": [{"type": "text", "text": "found"}]},
                ]},
            ])
        );
    }

    #[test]
    fn messages_of_the_first_version_are_read() {
        let stored = json!([
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "wait", "tool_calls": [
                {"id": "c1", "name": "search", "arguments": "{}"},
            ]},
            {"role": "tool", "call_id": "c1", "name": "search", "content": "no", "is_error": true},
            {"role": "assistant", "content": "sorry"},
        ]);
        let call = ToolCall::new("c1", "search", &json!({}));
        let expected = [
            Message::system("be kind"),
            Message::user("hello"),
            Message::assistant([Part::text("wait"), Part::ToolCall(call.clone())]),
            Message::tool_error(&call, "no"),
            Message::assistant("sorry"),
        ];
        assert_eq!(serde_json::from_value::<Vec<Message>>(stored).unwrap(), expected);
    }

    #[test]
    fn what_a_later_version_wrote_is_kept_or_refused() {
        let stored = json!({"v": 2, "role": "user", "parts": [{"type": "hologram", "url": "x"}]});
        let message: Message = serde_json::from_value(stored.clone()).unwrap();
        assert!(matches!(&message.parts[..], [Part::Unknown(_)]));
        assert_eq!(serde_json::to_value(&message).unwrap(), stored);
        let later = json!({"v": 3, "role": "user", "parts": []});
        let error = serde_json::from_value::<Message>(later).unwrap_err().to_string();
        assert!(error.contains("message of version 3"), "{error}");
    }
}
