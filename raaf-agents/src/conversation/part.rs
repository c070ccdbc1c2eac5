//! Parts of messages.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::{Citation, HostedCall, Media, Reasoning, ToolCall, ToolResult};

/// Part of a [`Message`](crate::Message).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// Text.
    Text(String),
    /// Image.
    Image(Media),
    /// Audio.
    Audio(Media),
    /// File, such as a PDF.
    File(Media),
    /// JSON, in the result of a tool.
    Json(Json),
    /// Reasoning of the model.
    Reasoning(Reasoning),
    /// Tool call of the model.
    ToolCall(ToolCall),
    /// Result of a tool call.
    ToolResult(ToolResult),
    /// Call of a tool that the provider ran, with its result.
    HostedCall(HostedCall),
    /// Source of a passage in the text before it.
    Citation(Citation),
    /// The message with which the model refuses to answer.
    Refusal(String),
    /// Part of a stored message whose type is unknown to this version, kept as it is.
    Unknown(Json),
}

impl Part {
    /// Creates a part that consists of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Creates an image at a URL, which the provider reads.
    pub fn image_url(url: impl Into<String>) -> Self {
        Self::Image(Media::url(url))
    }

    /// Creates an image from its data and their media type, such as `image/png`.
    pub fn image_bytes(media_type: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self::Image(Media::bytes(media_type, bytes))
    }

    /// Creates a file from its name, its media type, such as `application/pdf`, and its data.
    ///
    /// ```
    /// use raaf_agents::{Message, Part};
    ///
    /// let question = Message::user([
    ///     Part::text("What does it say?"),
    ///     Part::file("letter.pdf", "application/pdf", b"%PDF-1.7 ..."),
    /// ]);
    /// # assert_eq!(question.parts.len(), 2);
    /// ```
    pub fn file(
        name: impl Into<String>,
        media_type: impl Into<String>,
        bytes: impl AsRef<[u8]>,
    ) -> Self {
        Self::File(Media::bytes(media_type, bytes).with_name(name))
    }

    /// Returns the text of a part that consists of text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns text and JSON as text.
    pub(super) fn as_result_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(text.into()),
            Self::Json(json) => Some(json.to_string().into()),
            _ => None,
        }
    }
}

/// Content of a message or of a tool's result: text, or parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content(Vec<Part>);

impl Content {
    /// Creates content from a JSON value. A string is text.
    pub fn json(value: Json) -> Self {
        Self(vec![match value {
            Json::String(text) => Part::Text(text),
            json => Part::Json(json),
        }])
    }

    /// Returns text as a string, JSON as it is, and other content as a list of serialized parts.
    pub fn into_json(mut self) -> Json {
        match self.0.pop() {
            Some(Part::Text(text)) if self.0.is_empty() => text.into(),
            Some(Part::Json(json)) if self.0.is_empty() => json,
            last => {
                let parts = self.0.iter().chain(&last).map(serde_json::to_value);
                parts.filter_map(Result::ok).collect()
            }
        }
    }

    /// Returns the parts.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Returns the parts.
    pub fn into_parts(self) -> Vec<Part> {
        self.0
    }
}

/// Serializes the value of [`into_json`](Content::into_json).
impl Serialize for Content {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.clone().into_json().serialize(to)
    }
}

/// Compares the value of [`into_json`](Content::into_json).
impl<T> PartialEq<T> for Content
where
    Json: PartialEq<T>,
{
    fn eq(&self, other: &T) -> bool {
        self.clone().into_json() == *other
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self(vec![Part::Text(text)])
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<&String> for Content {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<Cow<'_, str>> for Content {
    fn from(text: Cow<'_, str>) -> Self {
        text.into_owned().into()
    }
}

impl From<Part> for Content {
    fn from(part: Part) -> Self {
        Self(vec![part])
    }
}

impl From<Vec<Part>> for Content {
    fn from(parts: Vec<Part>) -> Self {
        Self(parts)
    }
}

impl<const N: usize> From<[Part; N]> for Content {
    fn from(parts: [Part; N]) -> Self {
        Self(parts.into())
    }
}

impl From<Json> for Content {
    fn from(value: Json) -> Self {
        Self::json(value)
    }
}
