//! Parses matchers of attributes: `key = value`, `key contains "…"`, `key like "…*"`, `key ~ "…"`,
//! `key > 3`, `key where |value| …`, `key`, `!key`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::{Error, Expr, LitStr, Result, Token, ext::IdentExt as _, parse::ParseStream};

use crate::{hint, source};

/// Matchers that are words.
const WORDS: [&str; 4] = ["contains", "like", "matches", "where"];

pub(super) fn read(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    let absent: Option<Token![!]> = input.parse()?;
    let key = key(input)?;
    if absent.is_some() {
        if !input.is_empty() && !input.peek(Token![,]) {
            return Err(
                input.error(format!("`!{key}` says that it is not set; no more can follow"))
            );
        }
        return Ok(quote!(.attribute_that(#key, #at::Matcher::absent())));
    }
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(quote!(.attribute_that(#key, #at::Matcher::present())));
    }
    if input.peek(Token![==]) {
        return Err(input.error("an attribute equals with one `=`"));
    }
    if input.peek(Token![=]) {
        let equals: Token![=] = input.parse()?;
        let value = value(input, equals.span, &key)?;
        return Ok(quote!(.attribute(#key, #value)));
    }
    let matcher = matcher(input, at, &key)?;
    Ok(quote!(.attribute_that(#key, #matcher)))
}

/// In quotes, or words with dots between.
fn key(input: ParseStream<'_>) -> Result<String> {
    if input.peek(LitStr) {
        return Ok(input.parse::<LitStr>()?.value());
    }
    if !input.peek(Ident::peek_any) {
        return Err(input.error(
            "a property is `status = error`, `name \"…\"`, an attribute like `\"llm.model\" = \
             \"gpt\"`, `event \"…\"` or `duration < 1s`",
        ));
    }
    let mut key = input.call(Ident::parse_any)?.unraw().to_string();
    while input.peek(Token![.]) {
        input.parse::<Token![.]>()?;
        if !input.peek(Ident::peek_any) {
            return Err(input.error("an attribute of this name is written in quotes"));
        }
        key.push('.');
        key.push_str(&input.call(Ident::parse_any)?.unraw().to_string());
    }
    Ok(key)
}

fn matcher(input: ParseStream<'_>, at: &TokenStream, key: &str) -> Result<TokenStream> {
    let span = input.span();
    let compared = if input.peek(Token![<=]) {
        input.parse::<Token![<=]>()?;
        Some(quote!(at_most))
    } else if input.peek(Token![>=]) {
        input.parse::<Token![>=]>()?;
        Some(quote!(at_least))
    } else if input.peek(Token![<]) {
        input.parse::<Token![<]>()?;
        Some(quote!(less_than))
    } else if input.peek(Token![>]) {
        input.parse::<Token![>]>()?;
        Some(quote!(more_than))
    } else {
        None
    };
    if let Some(compared) = compared {
        let value = value(input, span, key)?;
        return Ok(quote!(#at::Matcher::#compared(#value)));
    }
    if input.peek(Token![~]) {
        input.parse::<Token![~]>()?;
        return regex(input, at, span, key);
    }
    if !input.peek(Ident::peek_any) {
        return Err(input.error(format!(
            "what of `{key}`? write `= value`, `contains \"…\"`, `like \"…*\"`, `~ \"regex\"`, `> 3`, \
             or `where |value| …`"
        )));
    }
    let word = input.call(Ident::parse_any)?;
    match word.to_string().as_str() {
        "contains" => {
            let part = value(input, span, key)?;
            Ok(quote!(#at::Matcher::contains(#part)))
        }
        "like" => {
            let pattern = value(input, span, key)?;
            Ok(quote!(#at::Matcher::like(#pattern)))
        }
        "matches" => regex(input, at, span, key),
        "where" => {
            let holds = value(input, span, key)?;
            let text = source::text(holds.to_token_stream());
            Ok(quote!(#at::Matcher::satisfies(#text, #holds)))
        }
        other => {
            let hint = hint::did_you_mean(other, &WORDS);
            Err(Error::new(
                word.span(),
                format!(
                    "`{other}` is no matcher: it is `=`, `contains`, `like`, `~` or `matches`, \
                     `<`, `<=`, `>`, `>=`, or `where`{hint}"
                ),
            ))
        }
    }
}

/// A pattern that is written out is looked at now, so that a mistake in it is pointed at.
fn regex(input: ParseStream<'_>, at: &TokenStream, span: Span, key: &str) -> Result<TokenStream> {
    if let Ok(literal) = input.fork().parse::<LitStr>()
        && let Err(error) = regex_syntax::parse(&literal.value())
    {
        let why = match error {
            regex_syntax::Error::Parse(error) => error.kind().to_string(),
            regex_syntax::Error::Translate(error) => error.kind().to_string(),
            _ => "it cannot be read".to_owned(),
        };
        return Err(Error::new(literal.span(), format!("this is no regular expression: {why}")));
    }
    let pattern = value(input, span, key)?;
    Ok(quote!(#at::Matcher::matches(#pattern)))
}

fn value(input: ParseStream<'_>, operator: Span, key: &str) -> Result<Expr> {
    if input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new(operator, format!("a value for `{key}` follows")));
    }
    let value: Expr = input.parse()?;
    // `key = a = b` would be an assignment.
    match &value {
        Expr::Assign(assign) => {
            Err(Error::new(assign.eq_token.span, "a comma stands between properties"))
        }
        _ => Ok(value),
    }
}
