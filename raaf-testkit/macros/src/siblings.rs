//! Parses siblings: `( span | in_any_order { … } | .. )*`, with optional commas.

use proc_macro2::{Delimiter, Ident, TokenStream};
use quote::quote;
use syn::{Error, LitInt, LitStr, Result, Token, ext::IdentExt as _, parse::ParseStream, token};

use crate::{hint, node};

/// The word in front of a group whose order is open.
const GROUP: &str = "in_any_order";

/// Reads until nothing is left.
pub(crate) fn read(input: ParseStream<'_>, at: &TokenStream) -> Result<TokenStream> {
    let mut siblings = quote!(#at::Siblings::new());
    let mut follows_span = false;
    while !input.is_empty() {
        if input.peek(Token![,]) {
            input.parse::<Token![,]>()?;
        } else if input.peek(Token![...]) || input.peek(Token![..=]) {
            return Err(input.error("any others are written with two dots: `..`"));
        } else if input.peek(Token![..]) {
            input.parse::<Token![..]>()?;
            siblings.extend(quote!(.others()));
        } else if is_star_alone(input) {
            input.parse::<Token![*]>()?;
            siblings.extend(quote!(.others()));
        } else if let Some(word) = group_word(input)? {
            let group = group(input, at, &word)?;
            siblings.extend(quote!(.in_any_order(#group)));
        } else {
            expect_node(input, follows_span)?;
            let node = node::read(input, at)?;
            siblings.extend(quote!(.node(#node)));
            follows_span = true;
            continue;
        }
        follows_span = false;
    }
    Ok(siblings)
}

/// `{ * }`: any children.
fn is_star_alone(input: ParseStream<'_>) -> bool {
    let star = input.cursor().punct().filter(|(star, _)| star.as_char() == '*');
    star.is_some_and(|(_, rest)| {
        rest.eof() || rest.punct().is_some_and(|(comma, _)| comma.as_char() == ',')
    })
}

/// The next word, if it is `in_any_order`, or can be nothing else.
fn group_word(input: ParseStream<'_>) -> Result<Option<Ident>> {
    if !input.peek(Ident::peek_any) {
        return Ok(None);
    }
    let word = input.fork().call(Ident::parse_any)?;
    if word == GROUP {
        return Ok(Some(input.call(Ident::parse_any)?));
    }
    if !input.peek2(token::Brace) {
        return Ok(None);
    }
    // A kind in front of braces has no component: either is forgotten.
    Err(Error::new(
        word.span(),
        match hint::closest(&word.to_string(), &[GROUP]) {
            Some(_) => format!("did you mean `{GROUP}`?"),
            None => format!(
                "a span is a kind and a component: `{word} \"name\" {{ … }}`, or `{word} * {{ … }}` \
             for any"
            ),
        },
    ))
}

fn group(input: ParseStream<'_>, at: &TokenStream, word: &Ident) -> Result<TokenStream> {
    if !input.peek(token::Brace) {
        return Err(Error::new(word.span(), "braces follow `in_any_order`: `in_any_order { … }`"));
    }
    let inside;
    syn::braced!(inside in input);
    let group = read(&inside, at)?;
    if input.peek(Ident::peek_any) && input.peek2(LitInt) {
        return Err(input.error("a group has no count; give one to each span in it"));
    }
    Ok(group)
}

/// Says what is wrong where no span can begin.
fn expect_node(input: ParseStream<'_>, follows_span: bool) -> Result<()> {
    let hint = if input.peek(token::Brace) {
        "braces follow a span: `agent \"Planner\" { … }`"
    } else if input.peek(token::Bracket) {
        "properties follow a span: `agent \"Planner\" [status = ok]`, in front of its braces"
    } else if input.peek(Token![>]) {
        "`>` stands between a span and the only one below it: `agent \"Planner\" > llm *`"
    } else if input.peek(Token![.]) {
        "a method follows a component: `agent \"Planner\".plan`; any others are written `..`"
    } else if input.peek(LitInt) {
        "a count follows a span: `tool * x 3`"
    } else if is_joined_count(input) || input.peek(Token![*]) && input.peek2(LitInt) {
        "a count is an `x` and a number, apart: `tool * x 3`"
    } else if is_empty_call(input) {
        "a method is a name without parentheses: `agent \"Planner\".plan`"
    } else if follows_span && is_no_kind(input) {
        "what is below a span stands in braces: `agent \"Planner\" { llm * }`"
    } else if input.peek(LitStr) && (input.peek2(token::Brace) || is_last(input)) {
        "of which kind? write `agent \"Planner\"`, or `* \"Planner\"` for any"
    } else {
        return Ok(());
    };
    Err(input.error(hint))
}

/// `x3`.
fn is_joined_count(input: ParseStream<'_>) -> bool {
    let word = input.cursor().ident().map(|(word, _)| word.to_string());
    let number = word.as_deref().and_then(|word| word.strip_prefix('x')).unwrap_or_default();
    !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit())
}

/// `()`, after a method.
fn is_empty_call(input: ParseStream<'_>) -> bool {
    let inside = input.cursor().group(Delimiter::Parenthesis).map(|(inside, ..)| inside);
    inside.is_some_and(syn::buffer::Cursor::eof)
}

/// Parentheses that no component follows, so that they are not a kind.
fn is_no_kind(input: ParseStream<'_>) -> bool {
    input.peek(token::Paren)
        && !(input.peek2(LitStr) || input.peek2(Token![*]) || input.peek2(token::Paren))
}

fn is_last(input: ParseStream<'_>) -> bool {
    input.cursor().token_tree().is_some_and(|(_, rest)| rest.eof())
}
