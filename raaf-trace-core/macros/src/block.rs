//! `traced_block!`: a traced closure or async block.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    Error, Expr, ExprAsync, ExprClosure, Ident, LitStr, Result, Token, parenthesized,
    parse::{Parse, ParseStream, Parser as _},
    spanned::Spanned as _,
};

use crate::{
    call::{JOIN_TWICE, Join, Plan, at, begin, default_crate, located},
    metadata::{self, Entry},
};

const NO_BODY: &str = "the traced code is missing; expected a closure `|| …` or an async block \
                       `async move { … }` as the last argument";

struct Input {
    subject: Expr,
    method: Option<LitStr>,
    join: Option<Join>,
    entries: Vec<Entry>,
    body: Body,
}

enum Body {
    Closure(ExprClosure),
    Async(ExprAsync),
}

/// Expands the arguments of one `traced_block!`.
pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    let Input { subject, method, join, entries, body } = Input::parse.parse2(input)?;
    let krate = default_crate();
    let span = at(subject.span());
    let prepared = method.is_none();
    let start = if let Some(method) = method {
        begin(&krate, &quote_spanned!(span=> &#subject), subject.span(), &method.value())
    } else {
        let krate = located(&krate, span);
        quote_spanned!(span=> #krate::__private::prepared(#subject))
    };
    let plan = Plan {
        krate,
        start,
        prepared,
        owns_self: false,
        entries,
        skip_if: None,
        parent: None,
        join,
        result: None,
        stream: None,
        warning: None,
    };
    Ok(match body {
        Body::Closure(closure) => {
            let statements = plan.around_closure(&quote!(#closure));
            quote_spanned!(Span::mixed_site()=> { #statements })
        }
        Body::Async(block) => {
            // The outer block captures like the user's block, so that values move only where the
            // user's block moves them.
            let capture = block.capture;
            let statements = plan.around_future(&quote!(#block));
            quote_spanned!(Span::mixed_site()=> async #capture { #statements })
        }
    })
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.is_empty() {
            return Err(input.error(
                "expected `component, \"method\", …` or a prepared call, followed by a closure or \
                 an async block",
            ));
        }
        if starts_body(input) {
            return Err(input.error(
                "the traced code must be the last argument, after the component and the method's \
                 name: `self, \"validation\", || …`",
            ));
        }
        let subject: Expr = input.parse()?;
        if input.is_empty() {
            return Err(Error::new_spanned(&subject, NO_BODY));
        }
        input.parse::<Token![,]>()?;
        let mut method = None;
        if input.peek(LitStr) && !input.peek2(Token![=]) {
            let name: LitStr = input.parse()?;
            if name.value().is_empty() {
                return Err(Error::new(name.span(), "the method's name cannot be empty"));
            }
            if input.is_empty() {
                return Err(Error::new(name.span(), NO_BODY));
            }
            input.parse::<Token![,]>()?;
            method = Some(name);
        }
        let (mut join, mut entries) = (None, Vec::new());
        loop {
            if input.is_empty() {
                return Err(input.error(NO_BODY));
            }
            if starts_body(input) {
                break;
            }
            let start = input.span();
            let ahead = input.fork();
            if ahead.parse::<Expr>().is_ok() && ahead.is_empty() {
                return Err(Error::new(start, NO_BODY));
            }
            // A variable of such a name is written `new = new`.
            let wish = input.peek2(Token![,]).then(|| join_word(input)).flatten();
            if let Some(wish) = wish {
                input.parse::<Ident>()?;
                if join.replace(wish).is_some() {
                    return Err(Error::new(start, JOIN_TWICE));
                }
            } else {
                parse_entries(input, &mut entries)?;
            }
            if input.is_empty() {
                return Err(Error::new(start, NO_BODY));
            }
            input.parse::<Token![,]>()?;
        }
        let body = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        if !input.is_empty() {
            return Err(
                input.error("unexpected argument after the traced code; move metadata before it")
            );
        }
        Ok(Self { subject, method, join, entries, body })
    }
}

fn starts_body(input: ParseStream<'_>) -> bool {
    input.peek(Token![|])
        || input.peek(Token![||])
        || input.peek(Token![move])
        || input.peek(Token![async])
}

fn join_word(input: ParseStream<'_>) -> Option<Join> {
    Join::of(&input.fork().parse().ok()?)
}

fn parse_entries(input: ParseStream<'_>, entries: &mut Vec<Entry>) -> Result<()> {
    let ahead = input.fork();
    let is_content =
        ahead.parse::<Ident>().is_ok_and(|name| name == "content") && ahead.peek(syn::token::Paren);
    if !is_content {
        return metadata::push(entries, input.parse()?);
    }
    input.parse::<Ident>()?;
    let group;
    parenthesized!(group in input);
    for entry in group.parse_terminated(Entry::parse, Token![,])? {
        metadata::push(entries, entry.content())?;
    }
    Ok(())
}

impl Parse for Body {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        match input.parse()? {
            Expr::Async(block) => Ok(Self::Async(block)),
            Expr::Closure(closure) if closure.asyncness.is_some() => Err(Error::new_spanned(
                closure.asyncness,
                "an async closure is not supported; pass an async block: `async move { … }`",
            )),
            Expr::Closure(closure) if !closure.inputs.is_empty() => Err(Error::new_spanned(
                &closure.inputs,
                "the closure has parameters, but is called without arguments; remove them",
            )),
            Expr::Closure(closure) => Ok(Self::Closure(closure)),
            other => Err(Error::new_spanned(other, NO_BODY)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(source: &str) -> String {
        expand(source.parse().unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn every_form_expands() {
        for source in [
            r#"self, "validation", data_size = data.len(), || validate(data)"#,
            r#"self, "validation", content(prompt, args = x), move || -> u8 { 1 },"#,
            r#"self, "fetch", async move { 1 }"#,
            r#"self, "fetch", "llm.tokens" = n, async { 1 }"#,
            r#"self.traced("x").parent(&p), || 1"#,
            r#"call, "llm.tokens" = n, || 1"#,
            r#"self, "solve", new, goal, || 1"#,
            r#"self, "solve", goal, reuse, async { 1 }"#,
            r#"self, "solve", new = new, || 1"#,
        ] {
            expand(source.parse().unwrap()).unwrap_or_else(|error| panic!("{source}: {error}"));
        }
    }

    #[test]
    fn a_missing_body_is_said() {
        for source in [
            "self",
            "self,",
            r#"self, "x""#,
            r#"self, "x","#,
            r#"self, "x", a"#,
            r#"self, "x", 1 + 1"#,
        ] {
            let error = error(source);
            assert!(error.contains("the traced code is missing"), "{source}: {error}");
        }
    }

    #[test]
    fn what_stands_in_the_wrong_place_is_said() {
        assert!(error("").contains("component"));
        assert!(error("|| 1").contains("must be the last argument"));
        assert!(error(r#"self, "x", || 1, n = 1"#).contains("before it"));
        assert!(error(r#"self, "", || 1"#).contains("empty"));
        assert!(error(r#"self, "x", a, a = 2, || 1"#).contains("given twice"));
        assert!(error(r#"self, "x", new, reuse, || 1"#).contains("keep one of them"));
    }

    #[test]
    fn unfit_closures_are_refused() {
        assert!(error(r#"self, "x", |a| a"#).contains("without arguments"));
        assert!(error(r#"self, "x", async || 1"#).contains("async block"));
        assert!(error(r#"self, "x", async { 1 }.await"#).contains("async block"));
    }
}
