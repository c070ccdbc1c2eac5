//! Content of messages and of results in requests.

use serde_json::{Value as Json, json};

use super::super::wire::parts::{
    self, FILE, IMAGE, LeftOut, Place, Unsendable, data_url, extension, subtype,
};
use crate::{
    conversation::{Media, MediaSource, Part, ToolResult},
    model::ModelError,
};

/// Returns the content of a message of the user or the system: text, or a list of parts if there are
/// others.
pub(super) fn of_message(place: Place<'_>, left_out: &mut LeftOut) -> Result<Json, ModelError> {
    let parts = &place.message.parts;
    let texts: Option<Vec<&str>> = parts.iter().map(Part::as_text).collect();
    if let Some(texts) = texts {
        return Ok(texts.concat().into());
    }
    let bodies = parts.iter().enumerate().map(|(at, part)| {
        of_part(part)
            .or_else(|unsendable| place.stand_in(at, unsendable, left_out).map(|text| input(&text)))
    });
    bodies.collect()
}

/// Returns the result of a tool, which is the part of a message at this place.
pub(super) fn of_result(
    place: Place<'_>,
    at: usize,
    result: &ToolResult,
    left_out: &mut LeftOut,
) -> Result<Json, ModelError> {
    if result.content.iter().all(|part| matches!(part, Part::Text(_) | Part::Json(_))) {
        return Ok(result.text().into());
    }
    let bodies = result.content.iter().map(|part| {
        of_part(part).or_else(|Unsendable { part, remedy }| {
            let part = format!("{part} in the result of `{}`", result.name);
            let text = place.stand_in(at, Unsendable::new(part, remedy), left_out)?;
            Ok(input(&text))
        })
    });
    bodies.collect()
}

fn input(text: &str) -> Json {
    json!({"type": "input_text", "text": text})
}

fn of_part(part: &Part) -> Result<Json, Unsendable> {
    match part {
        Part::Text(text) => Ok(input(text)),
        Part::Json(json) => Ok(input(&json.to_string())),
        Part::Image(media) => image(media),
        Part::Audio(media) => audio(media),
        Part::File(media) => file(media),
        other => {
            let remedy = "expected text, an image, audio or a file";
            Err(Unsendable::new(parts::name(other), remedy))
        }
    }
}

fn image(media: &Media) -> Result<Json, Unsendable> {
    let mut image = match &media.source {
        MediaSource::Url(url) => json!({"type": "input_image", "image_url": url}),
        MediaSource::FileId(id) => json!({"type": "input_image", "file_id": id}),
        MediaSource::Bytes(_) => {
            json!({"type": "input_image", "image_url": data_url("an image", media, IMAGE)?})
        }
    };
    if let Some(detail) = &media.detail {
        image["detail"] = detail.as_str().into();
    }
    Ok(image)
}

fn audio(media: &Media) -> Result<Json, Unsendable> {
    let Some(data) = media.base64() else {
        let part = "audio given by a URL or by the id of a file";
        return Err(Unsendable::new(part, "expected `Media::bytes`"));
    };
    let format = parts::audio_format(media)?;
    Ok(json!({"type": "input_audio", "input_audio": {"data": data, "format": format}}))
}

fn file(media: &Media) -> Result<Json, Unsendable> {
    let mut file = match &media.source {
        MediaSource::FileId(id) => return Ok(json!({"type": "input_file", "file_id": id})),
        MediaSource::Url(url) if !url.starts_with("data:") => {
            return Ok(json!({"type": "input_file", "file_url": url}));
        }
        MediaSource::Url(url) => json!({"type": "input_file", "file_data": url}),
        MediaSource::Bytes(_) => {
            json!({"type": "input_file", "file_data": data_url("a file", media, FILE)?})
        }
    };
    // Servers require a name beside data.
    file["filename"] = match &media.name {
        Some(name) => name.as_str().into(),
        None => format!("file.{}", extension(subtype("a file", media, FILE)?)).into(),
    };
    Ok(file)
}
