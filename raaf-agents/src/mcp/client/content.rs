//! Results of servers as parts of messages.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::Value as Json;

use crate::{
    conversation::{Content, Media, Part},
    mcp::McpError,
};

/// Reads the result of a tool.
pub(super) fn read(result: CallToolResult) -> Result<Content, McpError> {
    let is_error = result.is_error == Some(true);
    let structured = result.structured_content;
    let mut parts: Vec<_> = result.content.into_iter().map(part).collect();
    if is_error {
        return Err(McpError::Tool { message: message(&parts, structured.as_ref()) });
    }
    if let Some(json) = structured {
        // Servers repeat it as text, for clients that do not know structured content.
        parts.retain(|part| !part.as_text().is_some_and(|text| is_text_of(text, &json)));
        parts.insert(0, Part::Json(json));
    }
    Ok(match parts.len() {
        0 => Content::from(""),
        _ => parts.into(),
    })
}

fn is_text_of(text: &str, json: &Json) -> bool {
    json.as_str() == Some(text) || serde_json::from_str::<Json>(text).is_ok_and(|it| it == *json)
}

/// Returns the text of a failed call.
fn message(parts: &[Part], structured: Option<&Json>) -> String {
    let texts: Vec<_> = parts.iter().filter_map(Part::as_text).collect();
    let text = texts.join("\n");
    match structured {
        _ if !text.trim().is_empty() => text,
        Some(json) => json.to_string(),
        None => "the tool failed without a message".to_owned(),
    }
}

/// Converts a part of a result or of a prompt.
pub(super) fn part(block: ContentBlock) -> Part {
    match block {
        ContentBlock::Text(text) => Part::Text(text.text),
        ContentBlock::Image(image) => media(&image.data, &image.mime_type, Part::Image),
        ContentBlock::Audio(audio) => media(&audio.data, &audio.mime_type, Part::Audio),
        ContentBlock::Resource(embedded) => contents(embedded.resource),
        ContentBlock::ResourceLink(link) => {
            let about = link.description.map(|about| format!(": {about}")).unwrap_or_default();
            Part::Text(format!("{} <{}>{about}", link.name, link.uri))
        }
        _ => Part::text("[content of a type that this client does not know]"),
    }
}

/// Converts the content of a resource.
pub(super) fn contents(contents: ResourceContents) -> Part {
    match contents {
        ResourceContents::TextResourceContents { text, .. } => Part::Text(text),
        ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
            let media_type = mime_type.as_deref().unwrap_or("application/octet-stream");
            let name = uri.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned);
            media(&blob, media_type, |media| match media_type.split('/').next() {
                Some("image") => Part::Image(media),
                Some("audio") => Part::Audio(media),
                _ => Part::File(Media { name, ..media }),
            })
        }
        _ => Part::text("[a resource of a type that this client does not know]"),
    }
}

fn media(data: &str, media_type: &str, part: impl FnOnce(Media) -> Part) -> Part {
    match STANDARD.decode(data) {
        Ok(bytes) => part(Media::bytes(media_type, bytes)),
        Err(error) => Part::Text(format!("[{media_type}, but its base64 is invalid: {error}]")),
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::CallToolResult;
    use serde_json::json;

    use super::*;

    fn result(json: Json) -> Result<Content, McpError> {
        let result: CallToolResult = serde_json::from_value(json).unwrap();
        read(result)
    }

    #[test]
    fn structured_content_stands_once() {
        let content = result(json!({
            "content": [
                { "type": "text", "text": r#"{ "degrees": 21 }"# },
                { "type": "text", "text": "mild" },
            ],
            "structuredContent": { "degrees": 21 },
        }));
        let parts = content.unwrap().into_parts();
        assert_eq!(parts, [Part::Json(json!({ "degrees": 21 })), Part::text("mild")]);
    }

    #[test]
    fn images_files_and_links_are_parts() {
        let content = result(json!({
            "content": [
                { "type": "image", "data": "aGk=", "mimeType": "image/png" },
                { "type": "resource", "resource": {
                    "uri": "file:///a/letter.pdf", "mimeType": "application/pdf", "blob": "aGk=" } },
                { "type": "resource_link", "uri": "file:///b", "name": "b", "description": "a file" },
                { "type": "audio", "data": "not base64", "mimeType": "audio/wav" },
            ],
        }));
        let parts = content.unwrap().into_parts();
        assert_eq!(parts[0], Part::image_bytes("image/png", b"hi"));
        assert_eq!(parts[1], Part::file("letter.pdf", "application/pdf", b"hi"));
        assert_eq!(parts[2], Part::text("b <file:///b>: a file"));
        assert!(parts[3].as_text().is_some_and(|text| text.contains("base64 is invalid")));
    }

    #[test]
    fn an_error_has_the_text_of_the_result() {
        let failed = |json| result(json).unwrap_err().to_string();
        let text = json!([{ "type": "text", "text": "no gauge" }]);
        assert_eq!(failed(json!({ "content": text, "isError": true })), "no gauge");
        let none = failed(json!({ "content": [], "isError": true }));
        assert_eq!(none, "the tool failed without a message");
    }
}
