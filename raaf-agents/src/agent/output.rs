//! Answers of a type.

use std::sync::Arc;

use jsonschema::Validator;
use raaf_trace_core::short_type_name;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::{model::OutputSchema, tool::schema_of};

/// How many faults the model is told of.
const MAX_FAULTS: usize = 8;

type Reads = dyn Fn(&Json) -> Result<(), String> + Send + Sync;

/// The type that an agent's answer must have.
#[derive(Clone)]
pub(crate) struct OutputType {
    schema: OutputSchema,
    /// A schema that is none is found out by the first answer.
    validator: Result<Arc<Validator>, String>,
    reads: Arc<Reads>,
}

impl OutputType {
    pub(crate) fn of<T: JsonSchema + DeserializeOwned + 'static>() -> Self {
        let reads = |json: &Json| T::deserialize(json).map(drop).map_err(|error| error.to_string());
        let name: String = short_type_name(std::any::type_name::<T>())
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' })
            .collect();
        Self::new(OutputSchema::new(name, schema_of::<T>()), reads)
    }

    pub(crate) fn of_schema(schema: OutputSchema) -> Self {
        Self::new(schema, |_| Ok(()))
    }

    fn new(
        schema: OutputSchema,
        reads: impl Fn(&Json) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        let validator = jsonschema::validator_for(&schema.schema)
            .map(Arc::new)
            .map_err(|error| format!("its JSON Schema is none: {error}"));
        Self { schema, validator, reads: Arc::new(reads) }
    }

    pub(crate) fn schema(&self) -> &OutputSchema {
        &self.schema
    }

    /// The JSON of an answer, or all that is wrong with it.
    pub(crate) fn check<'a>(&self, answer: &'a str) -> Result<&'a str, String> {
        let text = without_fence(answer);
        let json: Json =
            serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
        let validator = self.validator.as_ref().map_err(Clone::clone)?;
        let mut faults: Vec<String> = validator
            .iter_errors(&json)
            .map(|error| match error.instance_path.to_string() {
                place if place.is_empty() => error.to_string(),
                place => format!("at {place}: {error}"),
            })
            .collect();
        // An object's members come in an order that depends on how `serde_json` was built.
        faults.sort_unstable();
        faults.truncate(MAX_FAULTS);
        if !faults.is_empty() {
            return Err(faults.join("; "));
        }
        (self.reads)(&json)?;
        Ok(text)
    }
}

/// Models like to put JSON between fences, whatever they are told.
fn without_fence(answer: &str) -> &str {
    let text = answer.trim();
    let Some(inside) = text.strip_prefix("```").and_then(|text| text.strip_suffix("```")) else {
        return text;
    };
    inside.strip_prefix("json").unwrap_or(inside).trim()
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
    fn fences_do_not_count() {
        let place = OutputType::of::<Place>();
        let bare = r#"{"city": "Oslo", "latitude": 59.9}"#;
        assert_eq!(place.check(&format!("```json\n{bare}\n```\n")), Ok(bare));
        assert_eq!(place.check(bare), Ok(bare));
    }

    #[test]
    fn all_that_is_wrong_is_said() {
        let place = OutputType::of::<Place>();
        let said = place.check(r#"{"city": 7, "latitude": 91}"#).unwrap_err();
        assert!(said.contains("at /city: "), "{said}");
        assert!(said.contains("at /latitude: "), "{said}");
        assert!(place.check("Oslo").unwrap_err().starts_with("it is no JSON"));
    }

    #[test]
    fn a_schema_that_is_none_is_said() {
        let broken = OutputType::of_schema(OutputSchema::new("broken", json!({"type": "what"})));
        assert!(broken.check("1").unwrap_err().starts_with("its JSON Schema is none"));
    }
}
