//! Arguments of tools: their schema, and how they are read.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use crate::model::{in_object, is_object, out_of_object, schema_of};

/// Member with an argument that is not an object.
const MEMBER: &str = "value";

/// Reads arguments of the type whose schema it was made with.
#[derive(Clone, Copy)]
pub(crate) struct Arguments {
    is_wrapped: bool,
}

impl Arguments {
    /// Returns the schema, and the reader. Servers require an object, even for `()`, for types that
    /// accept any value, and for numbers, strings, lists and enums.
    pub(crate) fn of<A: JsonSchema>() -> (Json, Self) {
        let mut schema = schema_of::<A>();
        let is_open = |members: &Map<_, _>| members.keys().all(|key| key == "description");
        if schema.as_object().is_none_or(is_open) || schema["type"] == "null" {
            let mut members = match schema {
                Json::Object(members) => members,
                _ => Map::new(),
            };
            members.insert("type".to_owned(), "object".into());
            members.insert("properties".to_owned(), Map::new().into());
            schema = members.into();
        }
        let is_wrapped = !is_object(&schema);
        if is_wrapped {
            schema = in_object(schema, MEMBER);
        }
        (schema, Self { is_wrapped })
    }

    /// Reads arguments. The error is a message for the model.
    pub(crate) fn read<A: DeserializeOwned>(self, arguments: Json) -> Result<A, String> {
        let member = out_of_object(&arguments, MEMBER).filter(|_| self.is_wrapped);
        if let Some(member) = member {
            let read = A::deserialize(member).or_else(|error| unwrapped(&arguments).ok_or(error));
            return read.map_err(|error| error.to_string());
        }
        // Models send an empty object to a function of `()`.
        let is_empty = arguments.as_object().is_some_and(Map::is_empty);
        let unit = || is_empty.then(|| serde_json::from_value(Json::Null).ok()).flatten();
        let read = serde_json::from_value(arguments).or_else(|error| unit().ok_or(error));
        read.map_err(|error| error.to_string())
    }
}

/// Reads an argument that is an object with such a member itself. Returns `None` for a type that an empty
/// object fits: it might ignore the member, and so what the model sent.
fn unwrapped<A: DeserializeOwned>(arguments: &Json) -> Option<A> {
    let fits_empty = A::deserialize(Json::Object(Map::new())).is_ok();
    A::deserialize(arguments).ok().filter(|_| !fits_empty)
}
