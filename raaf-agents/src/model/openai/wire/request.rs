//! Request bodies.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::{
    super::profile::{Profile, TokenLimit},
    messages::messages,
    parts::LeftOut,
    settings::Settings,
    typed::{ANSWER_DESCRIPTION, Typed, enforced},
};
use crate::model::{ModelError, ModelRequest, OutputSchema, ToolChoice, ToolSpec};

#[derive(Serialize)]
pub(in super::super) struct Request<'a> {
    model: &'a str,
    messages: Vec<Json>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolBody<'a>>,
    #[serde(flatten)]
    settings: Settings<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<Json>,
    #[serde(skip)]
    answer_tool: Option<String>,
    #[serde(skip)]
    left_out: Vec<String>,
}

#[derive(Serialize)]
struct ToolBody<'a> {
    r#type: &'static str,
    function: FunctionBody<'a>,
}

#[derive(Serialize)]
struct FunctionBody<'a> {
    name: Cow<'a, str>,
    description: &'a str,
    parameters: Cow<'a, Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

/// The server that a request is for.
#[derive(Clone, Copy)]
pub(in super::super) struct Target<'a> {
    /// Name of the model.
    pub(in super::super) model: &'a str,
    pub(in super::super) profile: &'a Profile,
    /// Origin of the data that only this server understands.
    pub(in super::super) origin: &'a str,
}

impl<'a> Request<'a> {
    pub(in super::super) fn new(
        request: &'a ModelRequest,
        target: Target<'a>,
    ) -> Result<Self, ModelError> {
        let Target { model, profile, .. } = target;
        let typed = Typed::plan(request, profile);
        let strict = |is_strict: bool| (is_strict && profile.strict_schemas).then_some(true);
        let function = |ToolSpec { name, description, parameters, strict: is_strict }: &'a _| {
            let strict = strict(*is_strict);
            let parameters = Cow::Borrowed(parameters);
            FunctionBody { name: name.into(), description, parameters, strict }
        };
        let answer_tool = typed.answer.as_ref().map(|(schema, name)| FunctionBody {
            name: name.clone().into(),
            description: ANSWER_DESCRIPTION,
            parameters: enforced(schema, profile),
            strict: strict(schema.strict),
        });
        let tools = request.tools.iter().map(function).chain(answer_tool);
        let tools: Vec<_> =
            tools.map(|function| ToolBody { r#type: "function", function }).collect();
        let settings = &request.settings;
        let (max_tokens, max_completion_tokens) = match profile.token_limit {
            TokenLimit::MaxCompletionTokens => (None, settings.max_tokens),
            TokenLimit::MaxTokens => (settings.max_tokens, None),
        };
        let tool_choice = typed.tool_choice(settings.tool_choice.as_ref());
        let (messages, LeftOut(left_out)) = messages(request, typed.instructions(request), target)?;
        Ok(Self {
            model,
            messages,
            tools,
            settings: Settings::of(request, profile),
            max_tokens,
            max_completion_tokens,
            tool_choice: tool_choice.as_ref().map(choice),
            response_format: typed.native.map(|schema| format(schema, profile)),
            reasoning_effort: settings.reasoning_effort.as_deref(),
            verbosity: settings.verbosity.as_deref(),
            stream: None,
            stream_options: None,
            answer_tool: typed.answer.map(|(_, name)| name),
            left_out,
        })
    }

    /// Returns the names of the parts of the conversation that are not in the request.
    pub(in super::super) fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Returns the name of the tool by which the model gives its answer, if there is one.
    pub(in super::super) fn answer_tool(&self) -> Option<String> {
        self.answer_tool.clone()
    }

    /// Requests a stream, whose last event has the usage.
    pub(in super::super) fn streamed(mut self, profile: &Profile) -> Self {
        self.stream = Some(true);
        self.stream_options = profile.stream_usage.then(|| json!({"include_usage": true}));
        self
    }
}

fn choice(choice: &ToolChoice) -> Json {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Tool(name) => json!({"type": "function", "function": {"name": name}}),
    }
}

fn format(output: &OutputSchema, profile: &Profile) -> Json {
    let strict = output.strict && profile.strict_schemas;
    let (name, schema) = (&output.name, enforced(output, profile));
    json!({
        "type": "json_schema",
        "json_schema": {"name": name, "schema": schema, "strict": strict},
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::{super::profile::TypedAnswers, settings::bytes, typed::ANSWER_TOOL},
        *,
    };
    use crate::conversation::Message;

    fn body_for(request: &ModelRequest, profile: &Profile) -> Json {
        let target = Target { model: "m", profile, origin: "host" };
        let body = Request::new(request, target).unwrap();
        let body = bytes(&body, &request.settings).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn body(request: &ModelRequest) -> Json {
        body_for(request, &Profile::for_host("localhost"))
    }

    #[test]
    fn each_server_gets_the_limit_it_supports() {
        let mut request = ModelRequest::new([Message::user("hi")]);
        request.settings.max_tokens = Some(7);
        let openai = body_for(&request, &Profile::for_host("api.openai.com"));
        assert_eq!(openai["max_completion_tokens"], 7);
        assert_eq!(
            body(&request),
            json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 7})
        );
    }

    #[test]
    fn tool_settings_are_sent_with_tools() {
        let mut request = ModelRequest::new([Message::user("hi")]);
        request.settings.tool_choice = Some(ToolChoice::Tool("search".to_owned()));
        request.settings.parallel_tool_calls = Some(false);
        let without_tools = body(&request);
        assert_eq!(without_tools.get("tool_choice"), None);
        assert_eq!(without_tools.get("parallel_tool_calls"), None);
        let search = ToolSpec::new("search", "Searches.", json!({"type": "object"}));
        let with_tools = body(&request.with_tools([search]));
        assert_eq!(
            with_tools["tool_choice"],
            json!({"type": "function", "function": {"name": "search"}})
        );
        assert_eq!(with_tools["parallel_tool_calls"], false);
    }

    #[test]
    fn typed_answers_are_requested_as_the_server_can() {
        let mut request = ModelRequest::new([Message::user("hi")]).with_instructions("Be brief.");
        request.output_schema = Some(OutputSchema::new("answer", json!({"type": "object"})));
        let mut profile = Profile::for_host("localhost");
        let native = body_for(&request, &profile);
        assert_eq!(native["response_format"]["json_schema"]["name"], "answer");
        let search = ToolSpec::new("search", "Searches.", json!({"type": "object"}));
        let request = request.with_tools([search]);
        for mode in [TypedAnswers::NativeWithoutTools, TypedAnswers::Tool] {
            profile.typed_answers = mode;
            let body = body_for(&request, &profile);
            assert_eq!(body.get("response_format"), None);
            assert_eq!(body["tools"][1]["function"]["name"], ANSWER_TOOL);
            assert_eq!(body["tool_choice"], "required");
        }
        // A last turn without tools, of an agent that has a tool of that name.
        let mine = ToolSpec::new(ANSWER_TOOL, "Mine.", json!({"type": "object"}));
        let mut last = request.clone().with_tools([mine]);
        last.settings.tool_choice = Some(ToolChoice::None);
        let body = body_for(&last, &profile);
        assert_eq!(body["tools"][1]["function"]["name"], "final_answer_");
        assert_eq!(body["tool_choice"]["function"]["name"], "final_answer_");
        profile.typed_answers = TypedAnswers::Prompted;
        let body = body_for(&request, &profile);
        assert_eq!((body.get("response_format"), body.get("tool_choice")), (None, None));
        let instructions = body["messages"][0]["content"].as_str().unwrap();
        assert!(instructions.starts_with("Be brief.\n\nAnswer with nothing but JSON"));
        assert!(instructions.ends_with(r#"{"type":"object"}"#));
    }

    #[test]
    fn the_schema_of_an_answer_is_strict_and_of_an_object_for_a_server_that_enforces_it() {
        let schema = |output: OutputSchema, host: &str| {
            let mut request = ModelRequest::new([Message::user("hi")]);
            request.output_schema = Some(output);
            let body = body_for(&request, &Profile::for_host(host));
            body["response_format"]["json_schema"].clone()
        };
        let openai = schema(OutputSchema::of::<Vec<u32>>(), "api.openai.com");
        assert_eq!(openai["strict"], true);
        assert_eq!(
            openai["schema"],
            json!({
                "type": "object",
                "properties": {
                    "response": {"type": "array", "items": {"type": "integer", "minimum": 0}},
                },
                "required": ["response"],
                "additionalProperties": false,
            })
        );
        let local = schema(OutputSchema::of::<Vec<u32>>(), "localhost");
        assert_eq!((&local["strict"], &local["schema"]["type"]), (&json!(false), &json!("object")));
        let map =
            schema(OutputSchema::of::<std::collections::BTreeMap<String, u32>>(), "api.openai.com");
        assert_eq!(map["strict"], false);
    }

    #[test]
    fn settings_are_sent_and_extra_members_replace_them() {
        let mut request = ModelRequest::new([Message::user("hi")]);
        request.settings.stop = vec!["END".to_owned()];
        request.settings.seed = Some(7);
        request.settings.reasoning_effort = Some("low".to_owned());
        request.settings.verbosity = Some("high".to_owned());
        request.settings.service_tier = Some("flex".to_owned());
        request.settings.prompt_cache_key = Some("key".to_owned());
        request.settings.extra_body.insert("seed".to_owned(), json!(8));
        request.settings.extra_body.insert("top_k".to_owned(), json!(40));
        assert_eq!(
            body(&request),
            json!({
                "model": "m", "messages": [{"role": "user", "content": "hi"}], "stop": ["END"],
                "seed": 8, "top_k": 40, "reasoning_effort": "low", "verbosity": "high",
                "service_tier": "flex", "prompt_cache_key": "key",
            })
        );
    }
}
