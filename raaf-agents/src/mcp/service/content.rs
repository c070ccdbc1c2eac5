//! Results of tools as results of the protocol.

use rmcp::model::{CallToolResult, ContentBlock, Resource, ResourceContents};
use serde_json::Value as Json;

use crate::conversation::{Content, Media, MediaSource, Part};

const OCTETS: &str = "application/octet-stream";

/// Converts a result. A JSON object is structured content, with its text for clients that do not know it.
pub(super) fn result(content: Content) -> CallToolResult {
    let parts = content.into_parts();
    let structured = parts.iter().find_map(|part| match part {
        Part::Json(json @ Json::Object(_)) => Some(json.clone()),
        _ => None,
    });
    let mut result = CallToolResult::success(parts.into_iter().map(block).collect());
    result.structured_content = structured;
    result
}

/// Returns the result of a call that failed.
pub(super) fn failure(message: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(message)])
}

fn block(part: Part) -> ContentBlock {
    match part {
        Part::Text(text) | Part::Refusal(text) => ContentBlock::text(text),
        Part::Json(json) | Part::Unknown(json) => ContentBlock::text(json.to_string()),
        Part::Image(media) => encoded(media, "image/png", ContentBlock::image),
        Part::Audio(media) => encoded(media, "audio/wav", ContentBlock::audio),
        Part::File(media) => {
            let uri = format!("attachment:///{}", media.name.as_deref().unwrap_or("file"));
            encoded(media, OCTETS, |data, media_type| {
                let contents = ResourceContents::blob(data, uri).with_mime_type(media_type);
                ContentBlock::resource(contents)
            })
        }
        other => ContentBlock::text(serde_json::to_string(&other).unwrap_or_default()),
    }
}

/// Converts media: their data, or a link to where they are.
fn encoded(
    media: Media,
    default_type: &str,
    block: impl FnOnce(String, String) -> ContentBlock,
) -> ContentBlock {
    let media_type = media.media_type.clone().unwrap_or_else(|| default_type.to_owned());
    if let Some(data) = media.base64() {
        return block(data, media_type);
    }
    let (MediaSource::Url(at) | MediaSource::FileId(at)) = media.source else {
        return ContentBlock::text("[media without data]");
    };
    let name = media.name.unwrap_or_else(|| at.clone());
    ContentBlock::resource_link(Resource::new(at, name).with_mime_type(media_type))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_become_blocks_and_an_object_is_structured() {
        let content: Content = vec![
            Part::Json(json!({ "degrees": 21 })),
            Part::image_bytes("image/png", b"hi"),
            Part::image_url("https://example.com/cat.png"),
            Part::file("letter.pdf", "application/pdf", b"hi"),
        ]
        .into();
        let json = serde_json::to_value(result(content)).unwrap();
        assert_eq!(json["structuredContent"], json!({ "degrees": 21 }));
        let blocks = json["content"].as_array().unwrap();
        let types: Vec<_> = blocks.iter().map(|block| block["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["text", "image", "resource_link", "resource"]);
        assert_eq!(blocks[0]["text"], r#"{"degrees":21}"#);
        assert_eq!(blocks[1]["data"], "aGk=");
        assert_eq!(blocks[2]["uri"], "https://example.com/cat.png");
        assert_eq!(blocks[3]["resource"]["blob"], "aGk=");
        assert_eq!(json["isError"], json!(false));
    }
}
