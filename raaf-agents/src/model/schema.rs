//! Strict JSON Schemas.

use serde_json::{Map, Value as Json};
use thiserror::Error;

/// Schema that cannot be strict.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the schema cannot be strict at `{path}`: {problem}")]
pub struct StrictSchemaError {
    path: String,
    problem: &'static str,
}

impl StrictSchemaError {
    /// Returns the JSON Pointer of the part that cannot be strict; empty for the whole.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// Converts a JSON Schema into a strict one, which `OpenAI` and others enforce: objects require all of
/// their properties and allow no others.
///
/// Optional properties must be nullable, as those of type `Option` are. Annotations and constraints that
/// servers reject, such as `default`, `minLength`, `uniqueItems` and most values of `format`, are removed.
///
/// # Errors
///
/// If the schema has objects with arbitrary keys, such as those of maps, or keywords like `allOf` and
/// `not`.
pub fn strict_schema(schema: &Json) -> Result<Json, StrictSchemaError> {
    let mut schema = schema.clone();
    convert(&mut schema, "")?;
    Ok(schema)
}

/// Keywords that no server enforces.
const UNSUPPORTED: [&str; 9] = [
    "allOf",
    "not",
    "if",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "unevaluatedProperties",
];

/// Keywords that servers reject in strict schemas, and that do not change the form of values.
const IGNORED: [&str; 13] = [
    "default",
    "examples",
    "$schema",
    "title",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "unevaluatedItems",
];

/// Values of `format` that servers accept.
const FORMATS: [&str; 9] =
    ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

fn convert(schema: &mut Json, path: &str) -> Result<(), StrictSchemaError> {
    let error = |problem| Err(StrictSchemaError { path: path.to_owned(), problem });
    let Some(members) = schema.as_object_mut() else {
        return if *schema == Json::Bool(true) {
            error("it allows any value; expected a type")
        } else {
            Ok(())
        };
    };
    if UNSUPPORTED.iter().any(|keyword| members.contains_key(*keyword)) {
        return error("`allOf`, `not` and conditions are unsupported");
    }
    members.retain(|key, value| match key.as_str() {
        key if IGNORED.contains(&key) => false,
        "format" => value.as_str().is_some_and(|format| FORMATS.contains(&format)),
        _ => true,
    });
    if let Some(choices) = members.remove("oneOf") {
        members.insert("anyOf".to_owned(), choices);
    }
    let is_object = match members.get("type") {
        Some(Json::String(name)) => name == "object",
        Some(Json::Array(names)) => names.iter().any(|name| name == "object"),
        _ => members.contains_key("properties"),
    };
    if is_object {
        if members.get("additionalProperties").is_some_and(|other| *other != Json::Bool(false)) {
            return error("it allows arbitrary keys; expected named properties");
        }
        let properties = members.entry("properties").or_insert_with(|| Map::new().into());
        let names: Vec<Json> = properties
            .as_object()
            .map(|properties| properties.keys().map(|name| name.clone().into()).collect())
            .unwrap_or_default();
        members.insert("required".to_owned(), names.into());
        members.insert("additionalProperties".to_owned(), false.into());
    }
    for key in ["properties", "$defs", "definitions"] {
        let named = members.get_mut(key).and_then(Json::as_object_mut);
        for (name, schema) in named.into_iter().flatten() {
            convert(schema, &format!("{path}/{key}/{name}"))?;
        }
    }
    for (at, schema) in
        members.get_mut("anyOf").and_then(Json::as_array_mut).into_iter().flatten().enumerate()
    {
        convert(schema, &format!("{path}/anyOf/{at}"))?;
    }
    members.get_mut("items").map_or(Ok(()), |schema| convert(schema, &format!("{path}/items")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_require_all_and_allow_nothing_else() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": {"type": "string", "default": "Oslo"},
                "limit": {"type": ["integer", "null"], "format": "uint8"},
                "at": {"type": "string", "format": "date-time"},
                "places": {"type": "array", "items": {"type": "object", "properties": {}}},
                "kind": {"oneOf": [{"const": "a"}, {"const": "b"}]},
            },
            "required": ["city"],
        });
        // Their order depends on the features of `serde_json`.
        let required: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
        assert_eq!(
            strict_schema(&schema).unwrap(),
            json!({
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "limit": {"type": ["integer", "null"]},
                    "at": {"type": "string", "format": "date-time"},
                    "places": {"type": "array", "items": {
                        "type": "object", "properties": {}, "required": [],
                        "additionalProperties": false,
                    }},
                    "kind": {"anyOf": [{"const": "a"}, {"const": "b"}]},
                },
                "required": required,
                "additionalProperties": false,
            })
        );
    }

    #[test]
    fn a_map_cannot_be_strict() {
        let map = json!({"type": "object", "additionalProperties": {"type": "string"}});
        let schema = json!({"type": "object", "properties": {"tags": map}});
        let error = strict_schema(&schema).unwrap_err();
        assert_eq!(error.path(), "/properties/tags");
        assert_eq!(
            error.to_string(),
            "the schema cannot be strict at `/properties/tags`: it allows arbitrary keys; expected named \
             properties"
        );
    }
}
