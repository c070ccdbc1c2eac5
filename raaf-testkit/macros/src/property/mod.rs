//! Parses the properties in brackets after a span or an event: status, attributes, events,
//! duration.

mod attribute;
mod duration;
mod event;
mod status;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{LitStr, Result, Token, ext::IdentExt as _, parse::ParseStream, token};

use crate::pattern;

/// The properties of a span, as calls of `Node`.
pub(crate) fn of_node(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    each(input, |input| one_of_node(input, at))
}

/// The properties of an event, which are attributes.
fn of_event(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    each(input, |input| attribute::read(input, at))
}

/// Reads with commas between.
fn each(
    input: ParseStream<'_>,
    mut one: impl FnMut(ParseStream<'_>) -> Result<TokenStream>,
) -> Result<TokenStream> {
    let mut calls = TokenStream::new();
    while !input.is_empty() {
        calls.extend(one(input)?);
        if input.is_empty() {
            break;
        }
        if !input.peek(Token![,]) {
            return Err(input.error("a comma stands between properties"));
        }
        input.parse::<Token![,]>()?;
    }
    Ok(calls)
}

fn one_of_node(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    let Some(word) = bare_word(input)? else {
        if input.peek(Token![!]) && input.peek2(Ident::peek_any) && is_absent_event(input) {
            return event::absent(input, at);
        }
        return attribute::read(input, at);
    };
    match word.as_str() {
        "status" => status::read(input, at),
        "error" if input.peek2(LitStr) => status::error_of_type(input, at),
        word if status::is_one(word) && stands_alone(input) => status::alone(input, at),
        "name" if input.peek2(Token![=]) => {
            input.call(Ident::parse_any)?;
            input.parse::<Token![=]>()?;
            // Literals may have wildcards; all else is taken as it is.
            if input.peek(LitStr) && stands_alone(input) {
                let name = pattern::name(input, at)?;
                return Ok(quote!(.name(#name)));
            }
            let name: syn::Expr = input.parse()?;
            Ok(quote!(.name(#name)))
        }
        "name" if input.peek2(LitStr) || input.peek2(token::Paren) => {
            input.call(Ident::parse_any)?;
            let name = pattern::name(input, at)?;
            Ok(quote!(.name(#name)))
        }
        "event" if input.peek2(LitStr) || input.peek2(token::Paren) => event::read(input, at),
        "duration" => duration::read(input, at),
        word => {
            status::misspelled(input, word)?;
            attribute::read(input, at)
        }
    }
}

/// The next word, where it is not the first of several with dots between.
fn bare_word(input: ParseStream<'_>) -> Result<Option<String>> {
    if !input.peek(Ident::peek_any) || input.peek2(Token![.]) {
        return Ok(None);
    }
    Ok(Some(input.fork().call(Ident::parse_any)?.to_string()))
}

/// Returns true if the next token is the whole property.
fn stands_alone(input: ParseStream<'_>) -> bool {
    input.cursor().token_tree().is_some_and(|(_, rest)| {
        rest.eof() || rest.punct().is_some_and(|(comma, _)| comma.as_char() == ',')
    })
}

/// `!event "…"`; `!event` alone is an attribute of that name.
fn is_absent_event(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    ahead.parse::<Token![!]>().is_ok()
        && ahead.call(Ident::parse_any).is_ok_and(|word| word == "event")
        && (ahead.peek(LitStr) || ahead.peek(token::Paren))
}
