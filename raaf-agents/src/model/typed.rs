//! JSON Schemas of types, and objects around types that are not objects.
//!
//! Servers accept schemas of objects only. A list, a number or an enum is put into an object with one
//! member.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value as Json, json};

/// Longest name of a schema that servers accept.
const MAX_NAME: usize = 64;

/// Returns a type's schema without references, which not every server resolves.
pub(crate) fn schema_of<T: JsonSchema>() -> Json {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<T>();
    schema.remove("title");
    let mut schema = Json::from(schema);
    // Servers require `properties`, even for a tool without arguments.
    if let Some(object) = schema.as_object_mut()
        && object.get("type").is_some_and(|kind| kind == "object")
    {
        object.entry("properties").or_insert_with(|| Json::Object(Map::new()));
    }
    schema
}

/// Returns a name that servers accept for a schema.
pub(super) fn schema_name(name: &str) -> String {
    let is_legal = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    let letters = name.chars().map(|letter| if is_legal(letter) { letter } else { '_' });
    letters.take(MAX_NAME).collect()
}

/// Returns whether a schema is one of objects, and states this at its root, as servers require.
pub(crate) fn is_object(schema: &Json) -> bool {
    const CHOICES: [&str; 6] = ["anyOf", "oneOf", "allOf", "not", "enum", "$ref"];
    schema["type"] == "object" && CHOICES.iter().all(|key| schema.get(key).is_none())
}

/// Returns the schema of an object with a member that has this schema.
pub(crate) fn in_object(mut schema: Json, key: &str) -> Json {
    let members = schema.as_object_mut();
    let (mut definitions, mut description) = (None, None);
    if let Some(members) = members {
        // References are from the root.
        definitions = members.remove("$defs");
        description = members.remove("description");
    }
    if refer_to(&mut schema, &format!("#/$defs/{key}")) {
        let named = definitions.get_or_insert_with(|| json!({}));
        refer_to(named, &format!("#/$defs/{key}"));
        named[key] = std::mem::replace(&mut schema, json!({"$ref": format!("#/$defs/{key}")}));
    }
    let mut whole = json!({
        "type": "object", "properties": {key: schema}, "required": [key],
        "additionalProperties": false,
    });
    if let Some(definitions) = definitions {
        whole["$defs"] = definitions;
    }
    if let Some(description) = description {
        whole["description"] = description;
    }
    whole
}

/// Changes references to the root, and returns whether there are any.
fn refer_to(schema: &mut Json, root: &str) -> bool {
    let mut found = false;
    let mut rest = vec![schema];
    while let Some(schema) = rest.pop() {
        match schema {
            Json::Object(members) => {
                for (key, value) in members {
                    if key == "$ref" && *value == "#" {
                        *value = root.into();
                        found = true;
                    }
                    rest.push(value);
                }
            }
            Json::Array(items) => rest.extend(items),
            _ => {}
        }
    }
    found
}

/// Returns the member of an object that has no other.
pub(crate) fn out_of_object<'a>(json: &'a Json, key: &str) -> Option<&'a Json> {
    json.as_object().filter(|members| members.len() == 1)?.get(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A recursive enum.
    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema counts")]
    enum Term {
        Number(i64),
        Sum(Vec<Term>),
    }

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema counts")]
    struct Node {
        children: Vec<Node>,
    }

    #[test]
    fn types_that_are_objects_are_known() {
        assert!(is_object(&schema_of::<Node>()));
        assert!(is_object(&schema_of::<std::collections::HashMap<String, u32>>()));
        for schema in [
            schema_of::<Vec<u32>>(),
            schema_of::<u32>(),
            schema_of::<Option<Node>>(),
            schema_of::<Term>(),
            schema_of::<Json>(),
        ] {
            assert!(!is_object(&schema), "{schema}");
        }
    }

    #[test]
    fn names_of_schemas_are_those_that_servers_accept() {
        assert_eq!(schema_name("Vec<u32>"), "Vec_u32_");
        assert_eq!(schema_name("my-answer 2"), "my-answer_2");
        assert_eq!(schema_name(&"x".repeat(99)).len(), 64);
    }

    #[test]
    fn references_still_lead_to_their_schemas_within_an_object() {
        for schema in [
            schema_of::<Term>(),
            schema_of::<Option<Node>>(),
            json!({"anyOf": [{"type": "null"}, {"type": "array", "items": {"$ref": "#"}}]}),
        ] {
            let whole = in_object(schema.clone(), "response");
            assert!(is_object(&whole), "{whole}");
            let validator = jsonschema::validator_for(&whole);
            assert!(validator.is_ok(), "{whole}");
            let inner = jsonschema::validator_for(&schema).unwrap();
            for value in
                [json!({"Sum": [{"Number": 1}]}), json!([null]), json!({"children": []}), json!(7)]
            {
                let fits = validator.as_ref().unwrap().is_valid(&json!({"response": value}));
                assert_eq!(fits, inner.is_valid(&value), "{value} {whole}");
            }
        }
    }
}
