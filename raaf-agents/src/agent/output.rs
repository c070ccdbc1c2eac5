//! Typed answers.

use std::sync::Arc;

use jsonschema::Validator;
use raaf_trace_core::naming::short_type_name;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::{model::OutputSchema, tool::schema_of};

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
        let name: String = short_type_name(std::any::type_name::<T>())
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' })
            .collect();
        Self::new(OutputSchema::new(name, schema_of::<T>()), parse)
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

    /// Returns the JSON of an answer, or its mismatches as text for the model.
    pub(crate) fn check<'a>(&self, answer: &'a str) -> Result<&'a str, String> {
        let text = without_fence(answer);
        let json: Json =
            serde_json::from_str(text).map_err(|error| format!("not valid JSON: {error}"))?;
        let validator = self.validator.as_ref().map_err(Clone::clone)?;
        let mut faults: Vec<String> = validator
            .iter_errors(&json)
            .map(|error| match error.instance_path.to_string() {
                path if path.is_empty() => error.to_string(),
                path => format!("at {path}: {error}"),
            })
            .collect();
        // The order of an object's members depends on the features of `serde_json`.
        faults.sort_unstable();
        faults.truncate(MAX_FAULTS);
        if !faults.is_empty() {
            return Err(faults.join("; "));
        }
        (self.parse)(&json)?;
        Ok(text)
    }
}

/// Strips a Markdown code fence, which models add against instructions.
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
    fn code_fences_are_stripped() {
        let place = OutputType::of::<Place>();
        let bare = r#"{"city": "Oslo", "latitude": 59.9}"#;
        assert_eq!(place.check(&format!("```json\n{bare}\n```\n")), Ok(bare));
        assert_eq!(place.check(bare), Ok(bare));
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
