//! Typed answers.

use std::{borrow::Cow, sync::Arc};

use jsonschema::Validator;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::model::{OutputSchema, RESPONSE, is_object, out_of_object};

/// Bound on the number of mismatches reported to the model.
const MAX_FAULTS: usize = 8;

type Parse = dyn Fn(&Json) -> Result<(), String> + Send + Sync;

/// Required type of an agent's answer.
#[derive(Clone)]
pub(crate) struct OutputType {
    schema: OutputSchema,
    /// An invalid schema is reported for the first answer.
    validator: Result<Arc<Validator>, String>,
    parse: Arc<Parse>,
}

impl OutputType {
    pub(crate) fn of<T: JsonSchema + DeserializeOwned + 'static>() -> Self {
        let parse = |json: &Json| T::deserialize(json).map(drop).map_err(|error| error.to_string());
        Self::new(OutputSchema::of::<T>(), parse)
    }

    pub(crate) fn of_schema(schema: OutputSchema) -> Self {
        Self::new(schema, |_| Ok(()))
    }

    fn new(
        schema: OutputSchema,
        parse: impl Fn(&Json) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        let validator = jsonschema::validator_for(&schema.schema)
            .map(Arc::new)
            .map_err(|error| format!("invalid JSON Schema: {error}"));
        Self { schema, validator, parse: Arc::new(parse) }
    }

    pub(crate) fn schema(&self) -> &OutputSchema {
        &self.schema
    }

    /// Lets the server answer as it can.
    pub(super) fn without_strict(mut self) -> Self {
        self.schema.strict = false;
        self
    }

    /// Returns the JSON of an answer, or its mismatches as text for the model. An answer of another type
    /// may be wrapped in an object, as servers require.
    pub(crate) fn check<'a>(&self, answer: &'a str) -> Result<Cow<'a, str>, String> {
        let text = without_fence(answer);
        let json: Json =
            serde_json::from_str(text).map_err(|error| format!("not valid JSON: {error}"))?;
        let inner = out_of_object(&json, RESPONSE).filter(|_| !is_object(&self.schema.schema));
        let Some(inner) = inner else { return self.check_json(&json).map(|()| text.into()) };
        match self.check_json(inner) {
            Ok(()) => Ok(inner.to_string().into()),
            Err(mismatch) => self.check_json(&json).map(|()| text.into()).map_err(|_| mismatch),
        }
    }

    fn check_json(&self, json: &Json) -> Result<(), String> {
        let validator = self.validator.as_ref().map_err(Clone::clone)?;
        let mut faults: Vec<String> = validator
            .iter_errors(json)
            .map(|error| match error.instance_path.to_string() {
                path if path.is_empty() => error.to_string(),
                path => format!("at {path}: {error}"),
            })
            .collect();
        // The order of an object's members depends on the features of `serde_json`.
        faults.sort_unstable();
        faults.truncate(MAX_FAULTS);
        if faults.is_empty() { (self.parse)(json) } else { Err(faults.join("; ")) }
    }
}

/// Strips a Markdown code fence, which models add against instructions.
fn without_fence(answer: &str) -> &str {
    let text = answer.trim();
    let Some(inside) = text.strip_prefix("```").and_then(|text| text.strip_suffix("```")) else {
        return text;
    };
    let is_named = inside.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("json"));
    inside.get(if is_named { 4 } else { 0 }..).unwrap_or(inside).trim()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "only its schema counts")]
    struct Place {
        city: String,
        #[schemars(range(max = 90))]
        latitude: f64,
    }

    #[test]
    fn code_fences_are_stripped() {
        let place = OutputType::of::<Place>();
        let bare = r#"{"city": "Oslo", "latitude": 59.9}"#;
        for name in ["json\n", "JSON\n", "\n", ""] {
            assert_eq!(place.check(&format!("```{name}{bare}\n```\n")), Ok(bare.into()), "{name}");
        }
        assert_eq!(place.check(bare), Ok(bare.into()));
    }

    #[test]
    fn an_answer_that_is_not_an_object_is_taken_out_of_one() {
        let list = OutputType::of::<Vec<u32>>();
        for answer in [r#"{"response": [1, 2]}"#, "[1,2]"] {
            assert_eq!(list.check(answer).unwrap(), "[1,2]");
        }
        let mismatch = list.check(r#"{"response": [1, "two"]}"#).unwrap_err();
        assert!(mismatch.starts_with("at /1: "), "{mismatch}");
        assert!(list.check(r#"{"answer": [1]}"#).is_err());
        assert_eq!(OutputType::of::<String>().check(r#"{"response": "yes"}"#).unwrap(), r#""yes""#);
        // An object with such a member stays.
        let map = OutputType::of::<std::collections::HashMap<String, u32>>();
        assert_eq!(map.check(r#"{"response": 1}"#).unwrap(), r#"{"response": 1}"#);
    }

    #[test]
    fn all_mismatches_are_reported() {
        let place = OutputType::of::<Place>();
        let faults = place.check(r#"{"city": 7, "latitude": 91}"#).unwrap_err();
        assert!(faults.contains("at /city: "), "{faults}");
        assert!(faults.contains("at /latitude: "), "{faults}");
        assert!(place.check("Oslo").unwrap_err().starts_with("not valid JSON"));
    }

    #[test]
    fn an_invalid_schema_is_reported() {
        let broken = OutputType::of_schema(OutputSchema::new("broken", json!({"type": "what"})));
        assert!(broken.check("1").unwrap_err().starts_with("invalid JSON Schema"));
    }
}
