//! Answers that must match a schema, as servers can be asked for them.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::super::profile::{Profile, TypedAnswers};
use crate::model::{
    ModelRequest, OutputSchema, RESPONSE, ToolChoice, in_object, is_object, strict_schema,
};

/// Tool by which a model gives an answer that must match a schema, unless the agent has one of this
/// name.
pub(super) const ANSWER_TOOL: &str = "final_answer";

pub(in super::super) const ANSWER_DESCRIPTION: &str =
    "Gives the final answer. Call it once, when nothing else is left to do.";

/// Form in which an answer that must match a schema is requested; at most one is chosen.
pub(in super::super) struct Typed<'a> {
    /// A setting of the request.
    pub(in super::super) native: Option<&'a OutputSchema>,
    /// A tool with this name.
    pub(in super::super) answer: Option<(&'a OutputSchema, String)>,
    /// The instructions.
    prompted: Option<&'a OutputSchema>,
    has_tools: bool,
}

impl<'a> Typed<'a> {
    pub(in super::super) fn plan(request: &'a ModelRequest, profile: &Profile) -> Self {
        let schema = request.output_schema.as_ref();
        let has_tools = has_tools(request);
        let (native, answer, prompted) = match profile.typed_answers {
            TypedAnswers::Native => (schema, None, None),
            TypedAnswers::NativeWithoutTools if !has_tools => (schema, None, None),
            TypedAnswers::NativeWithoutTools | TypedAnswers::Tool => (None, schema, None),
            TypedAnswers::Prompted => (None, None, schema),
        };
        let answer = answer.map(|schema| (schema, answer_tool(request)));
        Self { native, answer, prompted, has_tools }
    }

    /// Returns the instructions of a request, with a schema that answers must match if it stands there.
    pub(in super::super) fn instructions<'r>(
        &self,
        request: &'r ModelRequest,
    ) -> Option<Cow<'r, str>> {
        let given = request.instructions.as_deref();
        let Some(output) = self.prompted else { return given.map(Cow::Borrowed) };
        let schema = format!(
            "Answer with nothing but JSON that matches this JSON Schema:\n{}",
            output.schema
        );
        let given = given.map(|given| format!("{given}\n\n{schema}"));
        Some(given.unwrap_or(schema).into())
    }

    /// Returns the rule about tool calls of the request.
    pub(in super::super) fn tool_choice(&self, chosen: Option<&ToolChoice>) -> Option<ToolChoice> {
        // Servers reject tool settings without tools.
        let chosen = chosen.filter(|_| self.has_tools);
        match (&self.answer, chosen) {
            // Tools are no longer allowed, and the answer is one.
            (Some((_, name)), Some(ToolChoice::None)) => Some(ToolChoice::Tool(name.clone())),
            // Without this, the model may answer in text.
            (Some(_), None | Some(ToolChoice::Auto)) => Some(ToolChoice::Required),
            (_, chosen) => chosen.cloned(),
        }
    }
}

/// Returns whether a request has tools of the agent's own or hosted ones.
pub(super) fn has_tools(request: &ModelRequest) -> bool {
    !request.tools.is_empty() || !request.hosted_tools.is_empty()
}

fn answer_tool(request: &ModelRequest) -> String {
    let mut name = ANSWER_TOOL.to_owned();
    while request.has_tool(&name) {
        name.push('_');
    }
    name
}

/// Returns the schema of an answer as the server takes it: of an object, and strict if it enforces it.
pub(in super::super) fn enforced<'a>(output: &'a OutputSchema, profile: &Profile) -> Cow<'a, Json> {
    let mut schema = Cow::Borrowed(&output.schema);
    if !is_object(&schema) {
        schema = Cow::Owned(in_object(schema.into_owned(), RESPONSE));
    }
    // A schema that cannot be strict was declared so by hand; the server has the last word.
    let strict = (output.strict && profile.strict_schemas).then(|| strict_schema(&schema).ok());
    strict.flatten().map_or(schema, Cow::Owned)
}
