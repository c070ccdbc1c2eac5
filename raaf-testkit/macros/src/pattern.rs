//! Parses patterns: `*`, a string in which `*` matches any text, a bare word, or an expression in
//! parentheses, which is used as it is.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::quote;
use syn::{Error, Expr, LitStr, Result, Token, ext::IdentExt as _, parse::ParseStream, token};

/// A kind as it was read.
pub(crate) struct Kind {
    pub(crate) pattern: TokenStream,
    /// Literal text.
    text: String,
    span: Span,
}

pub(crate) fn kind(input: ParseStream<'_>, at: &TokenStream) -> Result<Kind> {
    let span = input.span();
    let (pattern, text) = if input.peek(Ident::peek_any) {
        let word = input.call(Ident::parse_any)?.unraw().to_string();
        (quote!(#at::Pattern::from(#word)), word)
    } else if let Some(pattern) = quoted_or_any(input, at)? {
        pattern
    } else {
        return Err(input.error(
            "this is no span: one begins with its kind, a word, a string, `*`, or an expression \
             in parentheses",
        ));
    };
    Ok(Kind { pattern, text, span })
}

/// The component that follows a kind.
pub(crate) fn component(
    input: ParseStream<'_>,
    at: &TokenStream,
    kind: &Kind,
) -> Result<TokenStream> {
    if let Some((pattern, _)) = quoted_or_any(input, at)? {
        return Ok(pattern);
    }
    let text = &kind.text;
    if input.peek(Ident::peek_any) && !input.peek(Token![in]) {
        let word = input.fork().call(Ident::parse_any)?;
        if word != "x" {
            return Err(Error::new(
                word.span(),
                format!("a component is written in quotes: `{text} \"{word}\"`"),
            ));
        }
    }
    let hint =
        format!("a span is a kind and a component: `{text} \"name\"`, or `{text} *` for any");
    // Where something else stands, that is what is wrong; else the kind stands alone.
    let next = input.cursor().token_tree().map(|(next, _)| next.span());
    let separator = input.peek(Token![,]) || input.peek(Token![..]) || input.peek(Token![>]);
    let alone = separator || input.peek(token::Bracket) || input.peek(token::Brace);
    Err(Error::new(next.filter(|_| !alone).unwrap_or(kind.span), hint))
}

pub(crate) fn method(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    word_or_quoted(input, at, "a method follows the dot: `.plan`, `.\"plan all\"` or `.*`")
}

/// A whole name, of a span or an event.
pub(crate) fn name(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    match quoted_or_any(input, at)? {
        Some((pattern, _)) => Ok(pattern),
        None => Err(input.error("a name follows, in quotes")),
    }
}

fn word_or_quoted(input: ParseStream<'_>, at: &TokenStream, hint: &str) -> Result<TokenStream> {
    if input.peek(Ident::peek_any) {
        let word = input.call(Ident::parse_any)?.unraw().to_string();
        return Ok(quote!(#at::Pattern::from(#word)));
    }
    match quoted_or_any(input, at)? {
        Some((pattern, _)) => Ok(pattern),
        None => Err(input.error(hint)),
    }
}

/// The pattern, and how it is written.
fn quoted_or_any(
    input: ParseStream<'_>,
    at: &TokenStream,
) -> Result<Option<(TokenStream, String)>> {
    if input.peek(Token![*]) {
        input.parse::<Token![*]>()?;
        return Ok(Some((quote!(#at::Pattern::Any), "*".to_owned())));
    }
    if input.peek(LitStr) {
        let text: LitStr = input.parse()?;
        let value = text.value();
        let pattern = if value.contains('*') {
            quote!(#at::Pattern::like(#text))
        } else {
            quote!(#at::Pattern::from(#text))
        };
        return Ok(Some((pattern, format!("{value:?}"))));
    }
    if input.peek(token::Paren) {
        let inside;
        syn::parenthesized!(inside in input);
        let value: Expr = inside.parse()?;
        if !inside.is_empty() {
            return Err(inside.error("one expression stands in the parentheses"));
        }
        return Ok(Some((quote!(#at::Pattern::from(#value)), "(…)".to_owned())));
    }
    // What another macro hands on as an expression.
    if input.peek(token::Group) {
        let value: TokenTree = input.parse()?;
        return Ok(Some((quote!(#at::Pattern::from(#value)), "(…)".to_owned())));
    }
    Ok(None)
}
