//! Parses events: `event "name" [attributes] x count`, and `!event "name"`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Result, Token, ext::IdentExt as _, parse::ParseStream, token};

use crate::{count, pattern};

pub(super) fn read(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    let mut event = event(input, at)?;
    if let Some(count) = count::read(input)? {
        event.extend(quote!(.times(#count)));
    }
    Ok(quote!(.event(#event)))
}

pub(super) fn absent(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    input.parse::<Token![!]>()?;
    let event = event(input, at)?;
    Ok(quote!(.event(#event.times(0usize))))
}

fn event(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    input.call(Ident::parse_any)?;
    let name = pattern::name(input, at)?;
    let mut event = quote!(#at::ExpectedEvent::new(#name));
    if input.peek(token::Bracket) {
        let inside;
        syn::bracketed!(inside in input);
        event.extend(super::of_event(&inside, at)?);
    }
    Ok(event)
}
