//! Images, audio and files.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Image, audio or file of a message.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Media, Message, Part};
///
/// let png = Media::bytes("image/png", *b"\x89PNG...");
/// let question = Message::user([
///     Part::Text("What differs?".to_owned()),
///     Part::Image(png),
///     Part::Image(Media::url("https://example.com/cat.png")),
/// ]);
/// assert_eq!(question.text(), "What differs?");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Media {
    /// The data, or their location.
    #[serde(flatten)]
    pub source: MediaSource,
    /// The media type, such as `image/png`, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The name of the file, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The resolution at which an image is read, such as `low`, if the provider offers a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Data of [`Media`], or their location.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MediaSource {
    /// URL that the provider reads.
    Url(String),
    /// Id of a file that was uploaded to the provider.
    FileId(String),
    /// The data; base64 when serialized. Clones share them.
    #[serde(serialize_with = "encode", deserialize_with = "decode")]
    Bytes(Arc<[u8]>),
}

impl Media {
    /// Creates media at a URL, which the provider reads.
    pub fn url(url: impl Into<String>) -> Self {
        Self::from_source(MediaSource::Url(url.into()))
    }

    /// Creates media that were uploaded to the provider, by their id.
    pub fn file_id(id: impl Into<String>) -> Self {
        Self::from_source(MediaSource::FileId(id.into()))
    }

    /// Creates media from their data and their media type, such as `image/png`. A model call with an
    /// invalid media type fails before it is made.
    pub fn bytes(media_type: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        let media = Self::from_source(MediaSource::Bytes(bytes.as_ref().into()));
        Self { media_type: Some(media_type.into()), ..media }
    }

    fn from_source(source: MediaSource) -> Self {
        Self { source, media_type: None, name: None, detail: None }
    }

    /// Sets the media type, such as `application/pdf`.
    #[must_use]
    pub fn with_media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// Sets the name of the file.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the resolution at which an image is read, such as `low` or `high`.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Returns the data in base64; `None` if the media only have a location.
    pub fn base64(&self) -> Option<String> {
        match &self.source {
            MediaSource::Bytes(bytes) => Some(STANDARD.encode(bytes)),
            _ => None,
        }
    }
}

/// Shows the number of bytes instead of the bytes.
impl fmt::Debug for MediaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.debug_tuple("Url").field(url).finish(),
            Self::FileId(id) => f.debug_tuple("FileId").field(id).finish(),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
        }
    }
}

fn encode<S: Serializer>(bytes: &Arc<[u8]>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&STANDARD.encode(bytes))
}

fn decode<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<[u8]>, D::Error> {
    let text = String::deserialize(from)?;
    STANDARD.decode(text).map(Arc::from).map_err(D::Error::custom)
}
