//! Parses the status: `status = error`, or for short `error`, or with its type `error "Timeout"`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Error, LitStr, Result, Token, ext::IdentExt as _, parse::ParseStream};

use crate::hint;

const KNOWN: [&str; 5] = ["ok", "error", "cancelled", "stale", "unset"];
const HINT: &str = "a status is `status = ok`, or error, cancelled, stale or unset; an attribute of \
                    that name is written in quotes";

pub(super) fn is_one(word: &str) -> bool {
    KNOWN.contains(&word)
}

/// `status = …`
pub(super) fn read(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    let status = input.call(Ident::parse_any)?;
    if !input.peek(Token![=]) || input.peek(Token![==]) {
        return Err(Error::new(status.span(), HINT));
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() {
        return Err(Error::new(status.span(), HINT));
    }
    if let Ok(quoted) = input.fork().parse::<LitStr>() {
        let value = quoted.value();
        let hint =
            if is_one(&value) { format!("; write `status = {value}`") } else { String::new() };
        return Err(Error::new(quoted.span(), format!("a status has no quotes{hint}")));
    }
    alone(input, at)
}

/// The word by itself.
pub(super) fn alone(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error(HINT));
    }
    let word = input.call(Ident::parse_any)?;
    let variant = match word.to_string().as_str() {
        "ok" => quote!(Ok),
        "error" => quote!(Error),
        "cancelled" => quote!(Cancelled),
        "stale" => quote!(Stale),
        "unset" => quote!(Unset),
        other => {
            let hint = hint::did_you_mean(other, &KNOWN);
            return Err(Error::new(
                word.span(),
                format!("`{other}` is no status: it is ok, error, cancelled, stale or unset{hint}"),
            ));
        }
    };
    Ok(quote!(.status(#at::__private::Status::#variant)))
}

/// `error "Timeout"`, or with wildcards `error "io::Error::*"`
pub(super) fn error_of_type(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    let status = alone(input, at)?;
    let error_type: LitStr = input.parse()?;
    let matcher = if error_type.value().contains('*') { quote!(like) } else { quote!(equals) };
    Ok(quote!(#status.attribute_that("error.type", #at::Matcher::#matcher(#error_type))))
}

/// Rejects an attribute like `statsu` whose value is a status.
pub(super) fn misspelled(input: ParseStream<'_>, word: &str) -> Result<()> {
    let ahead = input.fork();
    let span = ahead.span();
    ahead.call(Ident::parse_any)?;
    let value = ahead.parse::<Token![=]>().and_then(|_| ahead.call(Ident::parse_any));
    let Ok(value) = value else { return Ok(()) };
    let is_status = is_one(&value.to_string()) && (ahead.is_empty() || ahead.peek(Token![,]));
    if is_status && hint::closest(word, &["status"]).is_some() {
        return Err(Error::new(span, format!("did you mean `status = {value}`?")));
    }
    Ok(())
}
