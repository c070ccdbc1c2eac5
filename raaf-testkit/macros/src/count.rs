//! Parses counts: `x 3`, `x 2..=4`, `x 1..`, `x (expression)`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{
    Error, Expr, LitInt, Result, Token, ext::IdentExt as _, parse::ParseStream,
    spanned::Spanned as _, token,
};

use crate::source::touch;

const HINT: &str =
    "a count is `x 3`, a range `x 2..=4` or `x 1..`, or an expression in parentheses";

/// The count that stands next, if one does.
pub(crate) fn read(input: ParseStream<'_>) -> Result<Option<TokenStream>> {
    if !input.peek(Ident::peek_any) || input.fork().call(Ident::parse_any)? != "x" {
        return Ok(None);
    }
    // `x "name"` and `x *` are a span of the kind `x`.
    if input.peek2(syn::LitStr) && !is_number_in_quotes(input) || input.peek2(Token![*]) {
        return Ok(None);
    }
    let x = input.call(Ident::parse_any)?;
    if input.peek(token::Paren) {
        let inside;
        syn::parenthesized!(inside in input);
        let count: Expr = inside.parse()?;
        return Ok(Some(quote!(#count)));
    }
    let start = if input.peek(LitInt) { Some(input.parse::<LitInt>()?) } else { None };
    let Some(range) = range(input, start.as_ref())? else {
        return match start {
            Some(count) => {
                count.base10_parse::<usize>()?;
                let count = digits(&count);
                Ok(Some(quote!(#count)))
            }
            None if input.is_empty() => Err(Error::new(x.span(), HINT)),
            None => Err(input.error(HINT)),
        };
    };
    let end = if input.peek(LitInt) { Some(input.parse::<LitInt>()?) } else { None };
    check(start.as_ref(), &range, end.as_ref())?;
    let (start, end) = (start.as_ref().map(digits), end.as_ref().map(digits));
    Ok(Some(match range {
        Range::Closed(_) => quote!((#start..=#end)),
        Range::HalfOpen => quote!((#start..#end)),
    }))
}

/// `x "3"`, which is a count with quotes too many.
fn is_number_in_quotes(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let text = ahead.call(Ident::parse_any).and_then(|_| ahead.parse::<syn::LitStr>());
    text.is_ok_and(|text| text.value().parse::<usize>().is_ok() && ahead.is_empty())
}

enum Range {
    Closed(Span),
    HalfOpen,
}

/// Parses the dots of a range. A `..` with a space before it is not part of the count: it stands
/// for any other siblings.
fn range(input: ParseStream<'_>, start: Option<&LitInt>) -> Result<Option<Range>> {
    if input.peek(Token![..=]) {
        return Ok(Some(Range::Closed(input.parse::<Token![..=]>()?.span())));
    }
    if !input.peek(Token![..]) || start.is_some_and(|start| !touch(start.span(), input.span())) {
        return Ok(None);
    }
    input.parse::<Token![..]>()?;
    Ok(Some(Range::HalfOpen))
}

fn check(start: Option<&LitInt>, range: &Range, end: Option<&LitInt>) -> Result<()> {
    let first = start.map_or(Ok(0), LitInt::base10_parse::<usize>)?;
    let last = end.map(LitInt::base10_parse::<usize>).transpose()?;
    match (range, end.zip(last)) {
        (Range::Closed(dots), None) => {
            Err(Error::new(*dots, "this range has no end: write `x 2..=4`, or `x 2..` without one"))
        }
        (Range::Closed(_), Some((end, last))) if first > last => Err(empty(end, first, last)),
        (Range::HalfOpen, Some((end, last))) if first >= last => Err(empty(end, first, last)),
        _ => Ok(()),
    }
}

fn empty(end: &LitInt, first: usize, last: usize) -> Error {
    let hint = if first == last {
        format!("no number is in this range; write `x {first}..={last}`, or `x {first}`")
    } else {
        format!("no number is in this range; write `x {last}..={first}`")
    };
    Error::new(end.span(), hint)
}

/// The number as a `usize`, whatever suffix it has.
fn digits(number: &LitInt) -> LitInt {
    LitInt::new(&format!("{}usize", number.base10_digits()), number.span())
}
