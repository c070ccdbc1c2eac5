//! Facts at the beginning of a line, without storing the rest of it.

use std::{borrow::Cow, fmt, time::Duration};

use raaf_trace_model::{
    id::{SpanId, TraceId},
    keys,
    prices::{Cost, PriceTable, TokenCounts},
    span::{FORMAT_VERSION, Record, SpanError},
    time::Timestamp,
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor},
};

use super::end::{End, Marks};

/// The facts of a span that lists and statistics need.
///
/// Lines of version 2 have them first, in front of what can be long, which is only checked to be JSON.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts<'a> {
    pub(crate) trace: Option<TraceId>,
    pub(crate) span: Option<SpanId>,
    pub(crate) parent: Option<SpanId>,
    pub(crate) local_root: bool,
    pub(crate) start: Option<Timestamp>,
    pub(crate) kind: Text<'a>,
    pub(crate) component: Text<'a>,
    pub(crate) method: Text<'a>,
    pub(crate) workflow: Option<Text<'a>>,
    pub(crate) group: Option<Text<'a>>,
    pub(crate) error_type: Option<Text<'a>>,
    pub(crate) model: Option<Text<'a>>,
    tokens: Tokens,
    /// The cost that the line tells.
    cost: Option<f64>,
    /// The model that answered, unless the line has a cost.
    answered: Option<Text<'a>>,
    /// Tokens on which a cost depends; without a cost in the line, all that are told.
    counts: TokenCounts,
    /// Its end; `None` for the line of a start.
    pub(crate) end: Option<End>,
}

/// Numbers of tokens of a model call, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) input: u64,
    pub(crate) output: u64,
}

impl Tokens {
    pub(crate) fn add(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
    }

    pub(crate) fn sum(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// A string that is borrowed from its line unless it has escapes.
pub(crate) type Text<'a> = Cow<'a, str>;

impl<'a> Facts<'a> {
    /// Reads the facts of a line; `None` for an empty one, and for a type that this version does not
    /// know.
    ///
    /// # Errors
    ///
    /// The reason why the line is no record.
    pub(crate) fn read(line: &'a [u8]) -> Result<Option<Self>, String> {
        if line.is_empty() {
            return Ok(None);
        }
        let mut read = Line::default();
        let mut json = serde_json::Deserializer::from_slice(line);
        let end = (&mut read).deserialize(&mut json).and_then(|()| json.end());
        if end.is_ok() && read.is_whole {
            return Ok(Some(read.facts));
        }
        // Another order of fields, or version 1.
        let record = Record::parse(line).map_err(|error| error.to_string())?;
        Ok(record.map(|record| Self::of(&record)))
    }

    /// Returns the facts of a record.
    pub(crate) fn of(record: &Record) -> Facts<'static> {
        let owned = |text: &str| Cow::Owned(text.to_owned());
        let ended = record.ended();
        let count = |key| {
            let value = ended.and_then(|span| span.attributes().get(key)?.as_i64());
            value.and_then(|count| u64::try_from(count).ok())
        };
        let counts = TokenCounts {
            input: count(keys::GEN_AI_USAGE_INPUT_TOKENS),
            output: count(keys::GEN_AI_USAGE_OUTPUT_TOKENS),
            cached_input: count(keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS),
            cache_write: count(keys::GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS),
            reasoning: count(keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS),
        };
        let model = |key| ended?.attributes().get(key)?.as_str().map(owned);
        Facts {
            trace: Some(record.trace_id()),
            span: Some(record.span_id()),
            parent: record.parent_id(),
            local_root: record.is_local_root(),
            start: Some(record.start_time().into()),
            kind: owned(record.kind().as_str()),
            component: owned(record.component_name()),
            method: owned(record.method()),
            workflow: record.trace().workflow_name().map(owned),
            group: record.trace().group_id().map(owned),
            error_type: ended.and_then(|span| span.error()).map(SpanError::kind).map(owned),
            model: model(keys::GEN_AI_REQUEST_MODEL),
            tokens: Tokens { input: counts.input.unwrap_or(0), output: counts.output.unwrap_or(0) },
            cost: ended.and_then(|span| span.cost().usd()),
            answered: model(keys::GEN_AI_RESPONSE_MODEL),
            counts,
            end: End::of(record),
        }
    }

    pub(crate) fn is_model_call(&self) -> bool {
        matches!(&*self.kind, "llm" | "response" | "embedding")
    }

    /// Returns the tokens of a model call. Spans of other kinds may have those of several calls, which
    /// would count twice.
    pub(crate) fn usage(&self) -> Tokens {
        if self.is_model_call() { self.tokens } else { Tokens::default() }
    }

    /// Returns the cost of a model call: that which its line tells, otherwise by these prices.
    pub(crate) fn cost(&self, prices: &PriceTable) -> Cost {
        if !self.is_model_call() {
            return Cost::default();
        }
        if self.cost.is_some() {
            return Cost::of_call(self.cost);
        }
        if self.counts.input.is_none() && self.counts.output.is_none() {
            return Cost::default();
        }
        let (answered, requested) = (self.answered.as_deref(), self.model.as_deref());
        let requested = requested.or_else(|| answered.is_none().then_some(&*self.component));
        // A look-up of an unknown name compares it with all that are known.
        let answered = answered.filter(|answered| requested != Some(answered));
        Cost::of_call(prices.cost([answered, requested].into_iter().flatten(), &self.counts))
    }
}

/// Number of fields that every line has and no fact comes from, or one that may be empty: `local_root`,
/// `kind`, `component`, `method`, `name`. A finished span has `ended_at`, `attributes` and `events`, too.
const REQUIRED: (u32, u32) = (5, 8);

/// Reads the facts of a line of the current version.
#[derive(Default)]
struct Line<'a> {
    facts: Facts<'a>,
    is_whole: bool,
}

impl<'de> DeserializeSeed<'de> for &mut Line<'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Line<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a line of a trace file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let facts = &mut self.facts;
        let (mut version, mut is_span, mut duration, mut status) = (0, None, None, None);
        let mut marks = Marks::default();
        let mut required = 0;
        while let Some(Str(key)) = map.next_key()? {
            if matches!(
                &*key,
                "local_root"
                    | "kind"
                    | "component"
                    | "method"
                    | "name"
                    | "ended_at"
                    | "attributes"
                    | "events"
            ) {
                required += 1;
            }
            match &*key {
                "v" => version = map.next_value()?,
                "type" => {
                    is_span = match &*map.next_value::<Str<'de>>()?.0 {
                        "span" => Some(true),
                        "span_start" => Some(false),
                        _ => return Err(A::Error::custom("an unknown type")),
                    }
                }
                "trace_id" => facts.trace = Some(map.next_value()?),
                "span_id" => facts.span = Some(map.next_value()?),
                "parent_id" => facts.parent = map.next_value()?,
                "local_root" => facts.local_root = map.next_value()?,
                "started_at" => facts.start = Some(map.next_value()?),
                "duration_ms" => duration = Some(map.next_value::<f64>()?),
                "status" => status = Some(map.next_value::<Str<'de>>()?),
                "kind" => facts.kind = map.next_value::<Str<'de>>()?.0,
                "component" => facts.component = map.next_value::<Str<'de>>()?.0,
                "method" => facts.method = map.next_value::<Str<'de>>()?.0,
                "workflow_name" => facts.workflow = text(&mut map)?,
                "group_id" => facts.group = text(&mut map)?,
                "error_type" => facts.error_type = text(&mut map)?,
                "model" => facts.model = text(&mut map)?,
                "input_tokens" => {
                    facts.tokens.input = map.next_value()?;
                    facts.counts.input = Some(facts.tokens.input);
                }
                "output_tokens" => {
                    facts.tokens.output = map.next_value()?;
                    facts.counts.output = Some(facts.tokens.output);
                }
                "attributes" => {
                    let counts = facts.is_model_call() && facts.cost.is_none();
                    map.next_value_seed(Noted {
                        counts: counts.then_some(facts),
                        marks: &mut marks,
                    })?;
                }
                "cost" => facts.cost = Some(map.next_value()?).filter(|cost| *cost >= 0.0),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if is_span == Some(true) {
            let seconds = duration.unwrap_or(f64::NAN) / 1_000.0;
            let (Some(status), Ok(duration)) = (status, Duration::try_from_secs_f64(seconds))
            else {
                return Ok(());
            };
            let status = status.0.parse().ok();
            facts.end = status.map(|status| marks.end(status, duration));
        }
        let has_ids = facts.trace.is_some() && facts.span.is_some() && facts.start.is_some();
        let expected = if facts.end.is_some() { REQUIRED.1 } else { REQUIRED.0 };
        self.is_whole = version == FORMAT_VERSION
            && has_ids
            && required == expected
            && is_span == Some(facts.end.is_some());
        Ok(())
    }
}

/// Reads the attributes on which the state of a span and, with `counts`, its cost depend, and which are not
/// also fields of the line.
struct Noted<'f, 'a> {
    counts: Option<&'f mut Facts<'a>>,
    marks: &'f mut Marks,
}

impl<'de> DeserializeSeed<'de> for Noted<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Noted<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { mut counts, marks } = self;
        while let Some(Str(key)) = map.next_key()? {
            let mark = match &*key {
                keys::PAUSED => Some(&mut marks.paused),
                keys::RESUMED => Some(&mut marks.resumed),
                _ => None,
            };
            if let Some(mark) = mark {
                *mark = map.next_value::<serde_json::Value>()? == true;
                continue;
            }
            let Some(Facts { answered, counts, .. }) = counts.as_deref_mut() else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let count = match &*key {
                keys::GEN_AI_RESPONSE_MODEL => {
                    *answered = text(&mut map)?;
                    continue;
                }
                keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS => &mut counts.cached_input,
                keys::GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS => &mut counts.cache_write,
                keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS => &mut counts.reasoning,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *count = Some(map.next_value()?);
        }
        Ok(())
    }
}

fn text<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Text<'de>>, A::Error> {
    Ok(map.next_value::<Option<Str<'de>>>()?.map(|text| text.0))
}

struct Str<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Str<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;

        impl<'de> Visitor<'de> for Visit {
            type Value = Str<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Str(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Visit)
    }
}

#[cfg(test)]
mod tests {
    use raaf_trace_model::{attributes::Value, span::FinishedSpan};

    use super::*;

    fn facts(line: &str) -> Facts<'_> {
        Facts::read(line.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn a_line_says_the_same_as_its_record() {
        let span = FinishedSpan::builder("tool", "Sea\"rch")
            .error("Timeout", "no answer")
            .workflow_name("nightly")
            .lasting(Duration::from_micros(1_500))
            .build();
        let line = serde_json::to_string(&span).unwrap();
        let (whole, short) = (Facts::of(&Record::Span(span)), facts(&line));
        assert_eq!(format!("{whole:?}"), format!("{short:?}"));
    }

    #[test]
    fn a_line_is_read_if_and_only_if_its_record_is() {
        let span = FinishedSpan::builder("tool", "Search").attribute("key", "value").build();
        let ended = serde_json::to_string(&span).unwrap();
        let started = serde_json::to_string(&span.started()).unwrap();
        for line in [&ended, &started] {
            for cut in 1..line.len() {
                assert!(Facts::read(&line.as_bytes()[..cut]).is_err(), "{}", &line[..cut]);
            }
            assert!(Facts::read(format!("{line}{line}").as_bytes()).is_err());
            let json: serde_json::Map<_, _> = serde_json::from_str(line).unwrap();
            for key in json.keys() {
                let mut rest = json.clone();
                rest.remove(key);
                let text = serde_json::to_string(&rest).unwrap();
                let as_record = Record::parse(text.as_bytes());
                let as_facts = Facts::read(text.as_bytes());
                assert_eq!(as_facts.is_ok(), as_record.is_ok(), "without {key}");
            }
        }
    }

    #[test]
    fn a_cost_is_that_of_the_line_or_by_the_prices() {
        let cost = |kind: &str, attributes: &[(&'static str, Value)]| {
            let span = FinishedSpan::builder(kind, "gpt-4o").attributes(|list| {
                for (key, value) in attributes {
                    list.set(*key, value.clone());
                }
            });
            let line = serde_json::to_string(&span.build()).unwrap();
            facts(&line).cost(&PriceTable::built_in())
        };
        let input = ("gen_ai.usage.input_tokens", Value::from(1_000_000));
        let output = ("gen_ai.usage.output_tokens", Value::from(0));
        let known = [input.clone(), output.clone()];
        assert_eq!(cost("llm", &known).usd(), Some(2.5));
        assert_eq!(cost("agent", &known), Cost::default());
        assert_eq!(cost("llm", &[]), Cost::default());
        assert_eq!(cost("llm", &known[..1]), Cost::of_call(None));
        let with = |key, value: Value| cost("llm", &[input.clone(), output.clone(), (key, value)]);
        let cached = "gen_ai.usage.cache_read.input_tokens";
        assert_eq!(with(cached, 1_000_000.into()).usd(), Some(1.25));
        assert_eq!(with("gen_ai.response.model", "gpt-4o-2024-05-13".into()).usd(), Some(5.0));
        assert_eq!(with("gen_ai.request.model", "ours".into()), Cost::of_call(None));
        assert_eq!(with("gen_ai.usage.cost", 0.25.into()).usd(), Some(0.25));
    }

    #[test]
    fn lines_in_another_order_are_read_whole() {
        let span = FinishedSpan::builder("llm", "gpt").attributes(|attributes| {
            attributes.set("gen_ai.usage.input_tokens", 7);
        });
        let line = serde_json::to_string(&span.build()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        // Keys in alphabetical order.
        assert_eq!(facts(&json.to_string()).usage(), Tokens { input: 7, output: 0 });
    }

    #[test]
    fn what_is_no_record_is_an_error_or_skipped() {
        assert!(Facts::read(b"").unwrap().is_none());
        assert!(Facts::read(br#"{"v":3,"type":"note"}"#).unwrap().is_none());
        assert!(Facts::read(b"{\"v\":2,\"type\":\"span\"").is_err());
        assert!(Facts::read(b"nonsense").is_err());
    }
}
