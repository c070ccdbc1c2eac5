//! Parses one span: `kind component [.method] [name "…"] [[properties]] [{ … } | > span] [x
//! count]`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Error, LitStr, Result, Token, ext::IdentExt as _, parse::ParseStream, token};

use crate::{count, pattern, property, siblings};

/// A span with what is below it, and how many there are.
pub(crate) fn read(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    let mut node = alone(input, at)?;
    if input.peek(token::Brace) {
        let inside;
        syn::braced!(inside in input);
        let children = siblings::read(&inside, at)?;
        node.extend(quote!(.children(#children)));
    } else if input.peek(Token![>]) {
        let arrow: Token![>] = input.parse()?;
        if input.is_empty() {
            return Err(Error::new(arrow.span, "a span follows `>`: `agent * > tool \"search\"`"));
        }
        let children = if input.peek(Token![..]) {
            input.parse::<Token![..]>()?;
            quote!(.others())
        } else {
            let child = read(input, at)?;
            quote!(.node(#child))
        };
        // A count behind belongs to the span below.
        node.extend(quote!(.children(#at::Siblings::new()#children)));
        return Ok(node);
    }
    if let Some(count) = count::read(input)? {
        node.extend(quote!(.times(#count)));
    }
    if input.peek(token::Bracket) {
        return Err(input.error("properties stand once, in front of braces and count"));
    }
    Ok(node)
}

/// A span without what is below it.
pub(crate) fn alone(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    let kind = pattern::kind(input, at)?;
    let component = pattern::component(input, at, &kind)?;
    let kind = kind.pattern;
    let mut node = quote!(#at::Node::new(#kind, #component));
    if input.peek(Token![.]) && !input.peek(Token![..]) {
        input.parse::<Token![.]>()?;
        let method = pattern::method(input, at)?;
        node.extend(quote!(.method(#method)));
    }
    if is_name(input)? {
        input.call(Ident::parse_any)?;
        let name = pattern::name(input, at)?;
        node.extend(quote!(.name(#name)));
    }
    if input.peek(token::Bracket) {
        let inside;
        syn::bracketed!(inside in input);
        node.extend(property::of_node(&inside, at)?);
    }
    Ok(node)
}

/// `name "…"`, which is not a span of the kind `name`: such a kind is written in quotes.
fn is_name(input: ParseStream<'_>) -> Result<bool> {
    if !input.peek(Ident::peek_any) || !(input.peek2(LitStr) || input.peek2(token::Paren)) {
        return Ok(false);
    }
    Ok(input.fork().call(Ident::parse_any)? == "name")
}
