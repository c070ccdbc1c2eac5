//! Procedural macros of `raaf-testkit`, which re-exports them.
//!
//! `span_tree!` of that crate documents the notation. Here it is read and turned into calls of
//! `Node` and `Siblings`, and what is written wrong is pointed at, with a hint.
//!
//! Each macro is handed `[path]` first, the path under which `raaf-testkit` is known: the public
//! macros are `macro_rules!` that pass `$crate`, so that it may be renamed or come through another
//! crate.

mod count;
mod hint;
mod node;
mod pattern;
mod property;
mod siblings;
mod source;

use proc_macro2::{Delimiter, Group, TokenStream};
use quote::quote;
use syn::{
    Expr, Result, Token,
    parse::{ParseStream, Parser},
    token,
};

/// `[path] trees`: the expected trees.
#[proc_macro]
pub fn span_tree(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand(input, trees)
}

/// `[path] spans, trees`: holds that the spans make these trees.
#[proc_macro]
pub fn assert_span_tree(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand(input, |input, at| {
        const TREE: &str =
            "a tree follows the spans: `assert_span_tree!(spans, { agent \"Planner\" })`";
        let (spans, more) = spans(input, TREE)?;
        if !more {
            return Err(hint::at_end(input, TREE));
        }
        let trees = trees(input, at)?;
        Ok(quote!(#at::__private::assert_matches(&#spans, &#trees)))
    })
}

/// Asserts that there are no spans, or none that match: `[path] spans` or `[path] spans, node`.
#[proc_macro]
pub fn assert_no_spans(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand(input, |input, at| {
        const NODE: &str = "write `assert_no_spans!(spans)`, or for some of them only `assert_no_spans!(spans, tool * [error])`";
        let (spans, more) = spans(input, NODE)?;
        if !more {
            return Ok(quote!(#at::__private::assert_no_spans(&#spans)));
        }
        let node = node::alone(input, at)?;
        let _: Option<Token![,]> = input.parse()?;
        if !input.is_empty() {
            return Err(input.error("one span, without what is below it: `tool * [error]`"));
        }
        Ok(quote!(#at::__private::assert_none_like(&#spans, &#node)))
    })
}

fn expand(
    input: proc_macro::TokenStream,
    read: impl FnOnce(ParseStream<'_>, &TokenStream) -> Result<TokenStream>,
) -> proc_macro::TokenStream {
    let parser = |input: ParseStream<'_>| {
        let path: Group = input.parse()?;
        debug_assert_eq!(path.delimiter(), Delimiter::Bracket);
        read(input, &path.stream())
    };
    parser.parse(input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// The first argument, and whether more follows it.
fn spans(input: ParseStream<'_>, hint: &str) -> Result<(Expr, bool)> {
    if input.is_empty() {
        return Err(hint::at_end(input, &format!("which spans? {hint}")));
    }
    let spans: Expr = input.parse()?;
    if !input.is_empty() && !input.peek(Token![,]) {
        return Err(input.error("a comma stands between the spans and the tree"));
    }
    let comma: Option<Token![,]> = input.parse()?;
    Ok((spans, comma.is_some() && !input.is_empty()))
}

/// All trees, with or without braces around them.
fn trees(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    let roots = if input.peek(token::Brace) && is_last(input) {
        let inside;
        syn::braced!(inside in input);
        let _: Option<Token![,]> = input.parse()?;
        siblings::read(&inside, at)?
    } else {
        siblings::read(input, at)?
    };
    Ok(quote!(#at::Expected::new(#roots)))
}

/// Returns true if only a comma follows the next token.
fn is_last(input: ParseStream<'_>) -> bool {
    input.cursor().token_tree().is_some_and(|(_, rest)| {
        let rest =
            rest.punct().filter(|(comma, _)| comma.as_char() == ',').map_or(rest, |(_, rest)| rest);
        rest.eof()
    })
}
