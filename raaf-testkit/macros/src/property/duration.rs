//! Parses durations: `duration < 1s`, `<=`, `>`, `>=`, `=`, and `duration in 100ms..2s`.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, quote};
use syn::{Error, Expr, Lit, Result, Token, ext::IdentExt as _, parse::ParseStream, token};

use crate::hint;

/// Units, and how many nanoseconds they are.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];
const HINT: &str = "a duration is bounded by `duration < 1s`, `<=`, `>`, `>=`, `=`, or `duration in \
                    100ms..2s`; an attribute of that name is written in quotes";
const LENGTH: &str = "a length of time is `100ms` (or ns, us, s, min, h), or an expression in \
                      parentheses";

pub(super) fn read(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    let word = input.call(Ident::parse_any)?;
    if input.is_empty() {
        return Err(Error::new(word.span(), HINT));
    }
    let bound = quote!(::core::ops::Bound);
    let range = if input.peek(Token![<=]) {
        input.parse::<Token![<=]>()?;
        let end = length(input, at)?;
        quote!(..=#end)
    } else if input.peek(Token![>=]) {
        input.parse::<Token![>=]>()?;
        let start = length(input, at)?;
        quote!(#start..)
    } else if input.peek(Token![<]) {
        input.parse::<Token![<]>()?;
        let end = length(input, at)?;
        quote!(..#end)
    } else if input.peek(Token![>]) {
        input.parse::<Token![>]>()?;
        let start = length(input, at)?;
        quote!((#bound::Excluded(#start), #bound::Unbounded))
    } else if input.peek(Token![=]) && !input.peek(Token![==]) {
        input.parse::<Token![=]>()?;
        let exact = length(input, at)?;
        return Ok(quote!(.duration({
            let exact = #exact;
            exact..=exact
        })));
    } else if input.peek(Token![in]) {
        input.parse::<Token![in]>()?;
        let start = length(input, at)?;
        if input.peek(Token![..=]) {
            input.parse::<Token![..=]>()?;
            let end = length(input, at)?;
            quote!(#start..=#end)
        } else if input.peek(Token![..]) {
            input.parse::<Token![..]>()?;
            let end = length(input, at)?;
            quote!(#start..#end)
        } else {
            return Err(input.error("a range follows: `duration in 100ms..2s`"));
        }
    } else {
        return Err(input.error(HINT));
    };
    Ok(quote!(.duration(#range)))
}

fn length(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    if input.peek(token::Paren) {
        let inside;
        let parentheses = syn::parenthesized!(inside in input);
        let length: Expr = inside.parse()?;
        let mut code = TokenStream::new();
        parentheses.surround(&mut code, |code| length.to_tokens(code));
        return Ok(code);
    }
    if !input.peek(Lit) {
        return Err(input.error(LENGTH));
    }
    let (span, literal) = (input.span(), input.parse::<Lit>()?);
    let (number, unit) = match &literal {
        Lit::Int(number) => (number.base10_digits().to_owned(), number.suffix()),
        Lit::Float(number) => (number.base10_digits().to_owned(), number.suffix()),
        _ => return Err(Error::new(span, LENGTH)),
    };
    if unit.is_empty() {
        return Err(Error::new(
            span,
            format!("a length of time has a unit: `{number}s`, `{number}ms`"),
        ));
    }
    let Some((_, nanos)) = UNITS.iter().find(|(known, _)| *known == unit) else {
        let known = UNITS.map(|(known, _)| known);
        let hint = hint::did_you_mean(unit, &known);
        return Err(Error::new(
            span,
            format!("`{unit}` is no unit of time: it is ns, us, ms, s, min or h{hint}"),
        ));
    };
    let nanos = match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(*nanos),
        Err(_) => number
            .parse()
            .ok()
            .and_then(|part: f64| Duration::try_from_secs_f64(part * (*nanos as f64 / 1e9)).ok())
            .and_then(|length| u64::try_from(length.as_nanos()).ok()),
    };
    let nanos = nanos.ok_or_else(|| Error::new(span, "this is longer than can be told"))?;
    Ok(quote!(#at::__private::Duration::from_nanos(#nanos)))
}
