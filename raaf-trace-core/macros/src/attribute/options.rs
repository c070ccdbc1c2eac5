//! Options of `#[traced(…)]`.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{
    Error, Expr, ExprLit, Lit, LitStr, Path, Result, Token,
    ext::IdentExt as _,
    parenthesized,
    parse::{Parse, ParseStream},
};

use crate::{
    call::{JOIN_TWICE, Join},
    hint,
    metadata::{self, Entry},
};

const NAMES: [&str; 16] = [
    "name",
    "component",
    "agent",
    "pipeline",
    "runner",
    "tool",
    "kind",
    "with",
    "content",
    "result",
    "parent",
    "skip_if",
    "new",
    "reuse",
    "stream",
    "crate",
];

/// Kinds of components that have no option of their own.
const OTHER_KINDS: [&str; 12] = [
    "llm",
    "handoff",
    "guardrail",
    "response",
    "mcp_list_tools",
    "speech_group",
    "speech",
    "transcription",
    "job",
    "custom",
    "internal",
    "processor",
];

/// Component that a function is traced as.
pub(crate) enum Subject {
    /// An existing value.
    Value(Expr),
    /// A component of the function's own: its constructor, name and kind.
    Own { make: &'static str, name: LitStr, kind: Option<LitStr> },
}

#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) subject: Option<Subject>,
    kind: Option<LitStr>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) result: Option<Expr>,
    pub(crate) parent: Option<Expr>,
    pub(crate) skip_if: Option<Expr>,
    pub(crate) join: Option<Join>,
    pub(crate) stream: Option<bool>,
    pub(crate) krate: Option<Path>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            options.parse_one(input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        options.join_kind()?;
        Ok(options)
    }
}

impl Options {
    fn parse_one(&mut self, input: ParseStream<'_>) -> Result<()> {
        if input.peek(LitStr) {
            let name: LitStr = input.parse()?;
            return self.set_name(name.span(), name);
        }
        if !input.peek(syn::Ident::peek_any) {
            return Err(input.error(format!(
                "expected the method's name in quotes, or an option: {}",
                hint::list(&NAMES)
            )));
        }
        let option = input.call(syn::Ident::parse_any)?;
        let span = option.span();
        match option.to_string().as_str() {
            "name" => {
                let name = assigned(input, span, "name = \"search\"")?;
                self.set_name(span, name)
            }
            "component" => match assigned(input, span, "component = self.inner")? {
                Expr::Lit(ExprLit { lit: Lit::Str(name), .. }) => self.set_own(span, "new", name),
                value => self.set_subject(span, Subject::Value(value)),
            },
            "agent" => self.parse_own(input, span, "agent"),
            "pipeline" => self.parse_own(input, span, "pipeline"),
            "runner" => self.parse_own(input, span, "runner"),
            "tool" => self.parse_own(input, span, "tool"),
            "kind" => {
                let kind: LitStr = assigned(input, span, "kind = \"processor\"")?;
                not_empty(&kind, "a kind")?;
                set(&mut self.kind, span, "kind", kind)
            }
            "stream" => {
                let value = if input.peek(Token![=]) {
                    assigned::<syn::LitBool>(input, span, "stream = false")?.value
                } else {
                    true
                };
                set(&mut self.stream, span, "stream", value)
            }
            "result" => {
                let value =
                    assigned(input, span, "result = |value, attributes| attributes.set(…)")?;
                set(&mut self.result, span, "result", value)
            }
            "parent" => {
                let value = assigned(input, span, "parent = &self.pipeline")?;
                set(&mut self.parent, span, "parent", value)
            }
            "skip_if" => {
                let value = assigned(input, span, "skip_if = query.is_empty()")?;
                set(&mut self.skip_if, span, "skip_if", value)
            }
            "crate" => {
                let value = assigned(input, span, "crate = my_crate::raaf_trace_core")?;
                set(&mut self.krate, span, "crate", value)
            }
            "new" => self.set_join(span, Join::New),
            "reuse" => self.set_join(span, Join::Reuse),
            "with" => self.parse_entries(input, span, "with(query, limit = n)", false),
            "content" => self.parse_entries(input, span, "content(prompt)", true),
            other => Err(Error::new(span, hint::unknown(other, &NAMES, advice(other, input)))),
        }
    }

    fn set_join(&mut self, span: Span, join: Join) -> Result<()> {
        if self.join.replace(join).is_some() {
            return Err(Error::new(span, JOIN_TWICE));
        }
        Ok(())
    }

    fn parse_own(&mut self, input: ParseStream<'_>, span: Span, make: &'static str) -> Result<()> {
        let name = assigned(input, span, &format!("{make} = \"search\""))?;
        self.set_own(span, make, name)
    }

    fn set_own(&mut self, span: Span, make: &'static str, name: LitStr) -> Result<()> {
        not_empty(&name, "the component's name")?;
        self.set_subject(span, Subject::Own { make, name, kind: None })
    }

    fn set_subject(&mut self, span: Span, subject: Subject) -> Result<()> {
        if self.subject.replace(subject).is_some() {
            return Err(Error::new(span, "two components are given; keep one of them"));
        }
        Ok(())
    }

    fn join_kind(&mut self) -> Result<()> {
        let Some(given) = self.kind.take() else { return Ok(()) };
        let message = match &mut self.subject {
            Some(Subject::Own { make: "new", kind, .. }) => {
                *kind = Some(given);
                return Ok(());
            }
            Some(Subject::Own { make, .. }) => format!(
                "`{make}` already sets the kind; remove `kind`, or write `component = \"…\"` \
                 instead of `{make} = \"…\"`"
            ),
            Some(Subject::Value(_)) => "an existing component already has a kind; remove `kind`, \
                                        or create a component: `component = \"…\"`"
                .to_owned(),
            None => format!(
                "`kind` requires the name of a component: `component = \"…\", kind = {}`",
                given.to_token_stream()
            ),
        };
        Err(Error::new(given.span(), message))
    }

    fn set_name(&mut self, span: Span, name: LitStr) -> Result<()> {
        not_empty(&name, "the method's name")?;
        set(&mut self.name, span, "name", name)
    }

    fn parse_entries(
        &mut self,
        input: ParseStream<'_>,
        span: Span,
        example: &str,
        content: bool,
    ) -> Result<()> {
        if !input.peek(syn::token::Paren) {
            return Err(Error::new(
                span,
                format!("keys and values must be in parentheses: `{example}`"),
            ));
        }
        let group;
        parenthesized!(group in input);
        for entry in group.parse_terminated(Entry::parse, Token![,])? {
            let entry = if content { entry.content() } else { entry };
            metadata::push(&mut self.entries, entry)?;
        }
        Ok(())
    }
}

/// Returns what to write in place of an option that does not exist.
fn advice(option: &str, input: ParseStream<'_>) -> Option<String> {
    let ahead = input.fork();
    ahead.parse::<Token![=]>().ok()?;
    Some(match ahead.parse::<LitStr>() {
        Ok(name) if OTHER_KINDS.contains(&option) => format!(
            "for a component of this kind, write `component = {}, kind = \"{option}\"`",
            name.to_token_stream()
        ),
        _ => format!("metadata goes into `with({option} = …)`"),
    })
}

fn assigned<T: Parse>(input: ParseStream<'_>, span: Span, example: &str) -> Result<T> {
    if !input.peek(Token![=]) {
        return Err(Error::new(
            span,
            format!("the value of the option is missing; expected `{example}`"),
        ));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

fn not_empty(text: &LitStr, what: &str) -> Result<()> {
    if text.value().is_empty() {
        return Err(Error::new(text.span(), format!("{what} cannot be empty")));
    }
    Ok(())
}

fn set<T>(slot: &mut Option<T>, span: Span, option: &str, value: T) -> Result<()> {
    if slot.replace(value).is_some() { Err(twice(span, option)) } else { Ok(()) }
}

fn twice(span: Span, option: &str) -> Error {
    Error::new(span, format!("`{option}` is given twice; keep one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(source: &str) -> Result<Options> {
        syn::parse_str(source)
    }

    fn error(source: &str) -> String {
        parse(source).err().expect("must not parse").to_string()
    }

    #[test]
    fn every_option_is_read() {
        let options = parse(
            r#""search", component = self.inner, with(query, "llm.tokens" = n, note = %x),
               content(prompt, args = ?x), result = |r, a| a.set("n", r.len()), parent = &p,
               skip_if = q.is_empty(), reuse, crate = my::core,"#,
        )
        .unwrap();
        assert_eq!(options.name.unwrap().value(), "search");
        assert_eq!(options.entries.len(), 5);
        assert!(matches!(options.subject, Some(Subject::Value(_))) && options.result.is_some());
        assert!(options.parent.is_some() && options.skip_if.is_some());
        assert!(matches!(options.join, Some(Join::Reuse)));
        assert!(options.krate.is_some());
        assert_eq!(parse(r#"name = "x""#).unwrap().name.unwrap().value(), "x");
        assert!(parse("").unwrap().name.is_none());
    }

    #[test]
    fn unknown_options_list_the_known_ones() {
        assert!(error("limit").starts_with("unknown option `limit`; options are `name`"));
        assert!(error("limit = 3").contains("metadata goes into `with(limit = …)`"));
        assert!(error("nmae = \"x\"").contains("did you mean `name`? Options are `name`"));
        assert!(error("3").contains("expected the method's name in quotes"));
    }

    #[test]
    fn a_kind_without_an_option_is_set_beside_the_name() {
        for kind in OTHER_KINDS {
            let wanted = format!("write `component = \"x\", kind = \"{kind}\"`");
            let found = error(&format!("{kind} = \"x\""));
            assert!(found.contains(&wanted), "{found}");
            assert!(parse(&format!("component = \"x\", kind = \"{kind}\"")).is_ok());
        }
        assert!(error("response = body.len()").contains("`with(response = …)`"));
    }

    #[test]
    fn nothing_is_given_twice() {
        assert_eq!(error(r#""a", name = "b""#), "`name` is given twice; keep one");
        assert!(error("reuse, new").contains("keep one of them"));
        assert_eq!(error("parent = a, parent = b"), "`parent` is given twice; keep one");
        assert_eq!(error("with(a), content(a)"), "`a` is given twice; keep one");
    }

    #[test]
    fn a_component_can_be_the_function_s_own() {
        let own = |source| match parse(source).unwrap().subject {
            Some(Subject::Own { make, name, kind }) => {
                (make, name.value(), kind.map(|k| k.value()))
            }
            _ => panic!("{source}"),
        };
        assert_eq!(own(r#"tool = "indexer""#), ("tool", "indexer".into(), None));
        let kind = Some("processor".into());
        assert_eq!(own(r#"kind = "processor", component = "X""#), ("new", "X".into(), kind));
        assert!(error(r#"tool = "a", component = b"#).contains("keep one of them"));
        assert!(error(r#"tool = "a", kind = "b""#).contains("`tool` already sets the kind"));
        assert!(error(r#"component = b, kind = "b""#).contains("already has a kind"));
        assert!(error(r#"kind = "b""#).contains(r#"`component = "…", kind = "b"`"#));
        assert!(error(r#"tool = "", name = "a""#).contains("empty"));
    }

    #[test]
    fn a_missing_value_is_shown_by_example() {
        assert!(error("name").contains("`name = \"search\"`"));
        assert!(error("result").contains("`result = |value, attributes|"));
        assert!(error("with = x").contains("`with(query, limit = n)`"));
        assert!(error(r#""""#).contains("empty"));
    }
}
