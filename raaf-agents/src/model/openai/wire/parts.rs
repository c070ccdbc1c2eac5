//! Parts of messages in requests.

use serde_json::{Value as Json, json};

use super::super::profile::Profile;
use crate::{
    conversation::{Media, MediaSource, Message, Part},
    model::ModelError,
};

/// Media type of images and files of which only the data are known.
pub(in super::super) const IMAGE: &str = "image/png";
pub(in super::super) const FILE: &str = "application/pdf";

/// Part that the protocol cannot carry.
pub(in super::super) struct Unsendable {
    pub(in super::super) part: String,
    pub(in super::super) remedy: String,
}

impl Unsendable {
    pub(in super::super) fn new(part: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { part: part.into(), remedy: remedy.into() }
    }
}

/// Parts of a conversation that are not sent, by their names.
#[derive(Default)]
pub(in super::super) struct LeftOut(pub(in super::super) Vec<String>);

/// A message, and its place in the conversation.
#[derive(Clone, Copy)]
pub(in super::super) struct Place<'a> {
    /// Number of the message, from 1.
    pub(in super::super) number: usize,
    pub(in super::super) message: &'a Message,
    /// The message is older than the latest one of the user: it comes from elsewhere or was sent before,
    /// and must not prevent a question that can be sent.
    pub(in super::super) is_old: bool,
}

impl Place<'_> {
    /// Returns a text in place of a part of an old message, and an error for another.
    pub(in super::super) fn stand_in(
        self,
        at: usize,
        unsendable: Unsendable,
        left_out: &mut LeftOut,
    ) -> Result<String, ModelError> {
        let Unsendable { part, remedy } = unsendable;
        if self.is_old {
            let text = format!("[{part}, which cannot be sent]");
            left_out.0.push(part);
            return Ok(text);
        }
        let (number, role, at) = (self.number, self.message.role.as_str(), at + 1);
        let message = format!("part {at} of message {number} ({role}) is {part}; {remedy}");
        Err(ModelError::Unsupported { message })
    }

    /// Returns the content of the message: text, or a list of parts if there are others.
    pub(in super::super) fn content(
        self,
        profile: &Profile,
        left_out: &mut LeftOut,
    ) -> Result<Json, ModelError> {
        let parts = &self.message.parts;
        let texts: Option<Vec<&str>> = parts.iter().map(Part::as_text).collect();
        if let Some(texts) = texts {
            return Ok(texts.concat().into());
        }
        let text = |text: String| json!({"type": "text", "text": text});
        let bodies = parts.iter().enumerate().map(|(at, part)| match part {
            Part::Text(words) => Ok(text(words.clone())),
            Part::Json(value) => Ok(text(value.to_string())),
            part => media(part, profile)
                .or_else(|unsendable| self.stand_in(at, unsendable, left_out).map(text)),
        });
        bodies.collect()
    }

    /// Returns the bodies of the results of tools: their text, with media that go with the next message
    /// of the user, as a message of a tool can have text only.
    pub(in super::super) fn results(
        self,
        shown: &mut Vec<Json>,
        profile: &Profile,
        left_out: &mut LeftOut,
    ) -> Result<Vec<Json>, ModelError> {
        let mut bodies = Vec::new();
        for (at, part) in self.message.parts.iter().enumerate() {
            let Part::ToolResult(result) = part else {
                let remedy = "a message of a tool has results (`Message::tool`)";
                self.stand_in(at, Unsendable::new(name(part), remedy), left_out)?;
                continue;
            };
            let mut text = result.text();
            let others = |part: &&Part| !matches!(part, Part::Text(_) | Part::Json(_));
            for part in result.content.iter().filter(others) {
                let line = match media(part, profile) {
                    Ok(media) => {
                        if shown.is_empty() {
                            shown.push(json!({"type": "text", "text": "Results of tools:"}));
                        }
                        shown.push(media);
                        "[attached to the next message]".to_owned()
                    }
                    Err(Unsendable { part, remedy }) => {
                        let part = format!("{part} in the result of `{}`", result.name);
                        self.stand_in(at, Unsendable { part, remedy }, left_out)?
                    }
                };
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(&line);
            }
            bodies.push(json!({"role": "tool", "tool_call_id": result.call_id, "content": text}));
        }
        Ok(bodies)
    }

    /// Returns the text of a message of the model. Parts other than text are left out, because no server
    /// accepts them, and a description in their place would read as the model's own text.
    pub(in super::super) fn answer(self, left_out: &mut LeftOut) -> String {
        let mut text = String::new();
        for part in &self.message.parts {
            match part {
                Part::Text(words) => text.push_str(words),
                Part::Json(value) => text.push_str(&value.to_string()),
                Part::Reasoning(_) | Part::ToolCall(_) | Part::Refusal(_) | Part::Citation(_) => {}
                other => left_out.0.push(name(other)),
            }
        }
        match self.message.refusal() {
            Some(refusal) if text.is_empty() => refusal.to_owned(),
            _ => text,
        }
    }
}

/// Returns the name of a part in a sentence.
pub(in super::super) fn name(part: &Part) -> String {
    match part {
        Part::Text(_) => "text",
        Part::Image(_) => "an image",
        Part::Audio(_) => "audio",
        Part::File(_) => "a file",
        Part::Json(_) => "JSON",
        Part::Reasoning(_) => "reasoning",
        Part::ToolCall(_) => "a tool call",
        Part::ToolResult(_) => "a tool's result",
        Part::HostedCall(call) => {
            return format!("a call of the hosted tool `{}`", call.tool.escape_debug());
        }
        Part::Citation(_) => "a citation",
        Part::Refusal(_) => "a refusal",
        Part::Unknown(json) => {
            let kind = json["type"].as_str().unwrap_or_default();
            return format!("a part of the unknown type `{}`", kind.escape_debug());
        }
    }
    .to_owned()
}

/// Returns the body of an image, audio or a file.
fn media(part: &Part, profile: &Profile) -> Result<Json, Unsendable> {
    match part {
        Part::Image(media) => {
            let url = match &media.source {
                MediaSource::Url(url) => url.clone(),
                MediaSource::Bytes(_) => data_url("an image", media, IMAGE)?,
                MediaSource::FileId(_) => {
                    let remedy = "expected `Media::bytes` or `Media::url`";
                    return Err(Unsendable::new("an image given by the id of a file", remedy));
                }
            };
            let mut image = json!({"url": url});
            if let Some(detail) = &media.detail {
                image["detail"] = detail.as_str().into();
            }
            Ok(json!({"type": "image_url", "image_url": image}))
        }
        Part::Audio(media) => {
            let Some(data) = media.base64() else {
                let part = "audio given by a URL or by the id of a file";
                return Err(Unsendable::new(part, "expected `Media::bytes`"));
            };
            let format = audio_format(media)?;
            Ok(json!({"type": "input_audio", "input_audio": {"data": data, "format": format}}))
        }
        Part::File(media) => file(media, profile),
        other => {
            let remedy = "expected text, an image, audio or a file";
            Err(Unsendable::new(name(other), remedy))
        }
    }
}

/// Returns the name of the format of audio.
pub(in super::super) fn audio_format(media: &Media) -> Result<&str, Unsendable> {
    Ok(match subtype("audio", media, "audio/wav")? {
        "mpeg" => "mp3",
        "x-wav" | "wave" | "vnd.wave" => "wav",
        other => other,
    })
}

fn file(media: &Media, profile: &Profile) -> Result<Json, Unsendable> {
    let mut file = match &media.source {
        MediaSource::FileId(id) => json!({"file_id": id}),
        MediaSource::Url(url) if profile.file_urls || url.starts_with("data:") => {
            json!({"file_data": url})
        }
        MediaSource::Url(_) => {
            let remedy = "expected `Media::bytes` or `Media::file_id`, or a server that reads URLs of \
                          files (`Profile::file_urls`)";
            return Err(Unsendable::new("a file given by a URL", remedy));
        }
        // Servers require a name beside data.
        MediaSource::Bytes(_) => json!({
            "file_data": data_url("a file", media, FILE)?,
            "filename": format!("file.{}", extension(subtype("a file", media, FILE)?)),
        }),
    };
    if let Some(name) = &media.name {
        file["filename"] = name.as_str().into();
    }
    Ok(json!({"type": "file", "file": file}))
}

pub(in super::super) fn data_url(
    part: &str,
    media: &Media,
    default: &str,
) -> Result<String, Unsendable> {
    subtype(part, media, default)?;
    let media_type = media.media_type.as_deref().unwrap_or(default);
    Ok(format!("data:{media_type};base64,{}", media.base64().unwrap_or_default()))
}

/// Returns the second half of the media type, without its parameters.
pub(in super::super) fn subtype<'a>(
    part: &str,
    media: &'a Media,
    default: &'a str,
) -> Result<&'a str, Unsendable> {
    let media_type = media.media_type.as_deref().unwrap_or(default);
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let halves = essence.split_once('/');
    let halves = halves.filter(|(kind, subtype)| is_token(kind) && is_token(subtype));
    halves.map(|(_, subtype)| subtype).ok_or_else(|| {
        let media_type = media_type.escape_debug();
        let remedy = format!("expected one such as `{default}`");
        Unsendable::new(format!("{part} of the media type `{media_type}`"), remedy)
    })
}

fn is_token(text: &str) -> bool {
    let is_legal = |letter: char| letter.is_ascii_alphanumeric() || "!#$&-^_.+".contains(letter);
    !text.is_empty() && text.chars().all(is_legal)
}

/// Returns the extension of a file with this media subtype.
pub(in super::super) fn extension(subtype: &str) -> &str {
    match subtype {
        "plain" => "txt",
        "markdown" => "md",
        "msword" => "doc",
        "vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "vnd.openxmlformats-officedocument.presentationml.presentation" => "pptx",
        "jpeg" => "jpg",
        "svg+xml" => "svg",
        other => other.rsplit(['.', '+']).next().unwrap_or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Role;

    fn content(message: &Message, is_old: bool) -> (Result<Json, String>, Vec<String>) {
        let place = Place { number: 3, message, is_old };
        let mut left_out = LeftOut::default();
        let profile = Profile::for_host("localhost");
        let content = place.content(&profile, &mut left_out);
        (content.map_err(|error| error.to_string()), left_out.0)
    }

    fn file_of(media: Media) -> Json {
        let message = Message::user(Part::File(media));
        content(&message, false).0.unwrap()[0]["file"].take()
    }

    #[test]
    fn parts_that_cannot_be_sent_are_errors_that_name_them() {
        let pdf = || Media::url("https://host/a.pdf");
        for (part, text) in [
            (
                Part::Image(Media::file_id("f")),
                "an image given by the id of a file; expected `Media::bytes` or `Media::url`",
            ),
            (
                Part::Audio(Media::url("https://host/a.wav")),
                "audio given by a URL or by the id of a file; expected `Media::bytes`",
            ),
            (
                Part::File(pdf()),
                "a file given by a URL; expected `Media::bytes` or `Media::file_id`, or a server that \
                 reads URLs of files (`Profile::file_urls`)",
            ),
            (
                Part::Image(Media::bytes("", b"abc")),
                "an image of the media type ``; expected one such as `image/png`",
            ),
            (
                Part::Unknown(json!({"type": "hologram"})),
                "a part of the unknown type `hologram`; expected text, an image, audio or a file",
            ),
        ] {
            let message = Message::user([Part::text("see"), part]);
            let (refused, left_out) = content(&message, false);
            let prefix = "the request cannot be sent: part 2 of message 3 (user) is";
            assert_eq!((refused, left_out.len()), (Err(format!("{prefix} {text}")), 0));
            let (sent, left_out) = content(&message, true);
            let stand_in = sent.unwrap()[1]["text"].as_str().unwrap().to_owned();
            assert_eq!(stand_in, format!("[{}, which cannot be sent]", left_out[0]));
        }
        let profile = Profile { file_urls: true, ..Profile::for_host("localhost") };
        let message = Message::user(Part::File(pdf()));
        let place = Place { number: 1, message: &message, is_old: false };
        let sent = place.content(&profile, &mut LeftOut::default());
        assert_eq!(sent.ok().unwrap()[0]["file"]["file_data"], "https://host/a.pdf");
    }

    #[test]
    fn files_have_a_name() {
        for (media_type, name) in [
            ("application/pdf", "file.pdf"),
            ("text/plain; charset=utf-8", "file.txt"),
            ("text/csv", "file.csv"),
            ("image/svg+xml", "file.svg"),
            (
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                "file.docx",
            ),
        ] {
            assert_eq!(file_of(Media::bytes(media_type, b"abc"))["filename"], name);
        }
        let named = Media::bytes("application/pdf", b"abc").with_name("a.pdf");
        assert_eq!(file_of(named)["filename"], "a.pdf");
        assert_eq!(file_of(Media::file_id("f")), json!({"file_id": "f"}));
        let data = Media::url("data:application/pdf;base64,YWJj").with_name("a.pdf");
        assert_eq!(file_of(data)["file_data"], "data:application/pdf;base64,YWJj");
    }

    #[test]
    fn what_a_model_showed_is_left_out_and_a_stray_part_of_a_tool_refused() {
        let parts = [Part::text("a cat"), Part::Image(Media::bytes("image/png", b"abc"))];
        let message = Message::new(Role::Assistant, parts);
        let place = Place { number: 1, message: &message, is_old: false };
        let mut left_out = LeftOut::default();
        assert_eq!(place.answer(&mut left_out), "a cat");
        assert_eq!(left_out.0, ["an image"]);
        let message = Message::new(Role::Tool, "stray");
        let place = Place { number: 1, message: &message, is_old: false };
        let profile = Profile::for_host("localhost");
        assert!(place.results(&mut Vec::new(), &profile, &mut left_out).is_err());
    }
}
