//! Entries of `with(…)`, `content(…)` and `traced_block!`: keys and values.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{
    Error, Expr, LitStr, Result, Token,
    ext::IdentExt as _,
    parse::{Parse, ParseStream},
    spanned::Spanned as _,
};

use crate::call::at;

/// An entry: `query`, `limit = n`, `"llm.tokens" = n`, `note = %shown`, `data = ?debugged`.
pub(crate) struct Entry {
    key: String,
    key_span: Span,
    value: Value,
    /// `true` if it is left out where sensitive data is.
    content: bool,
}

enum Value {
    Typed(Expr),
    Display(Expr),
    Debug(Expr),
}

impl Entry {
    pub(crate) fn content(mut self) -> Self {
        self.content = true;
        self
    }

    /// Returns the statement that adds the entry to the call named `call`.
    pub(crate) fn statement(&self, call: &Ident) -> TokenStream {
        let key = LitStr::new(&self.key, at(self.key_span));
        let (span, value) = self.value.to_argument();
        let method = Ident::new(if self.content { "with_content" } else { "with" }, span);
        quote_spanned! {span=> #call = #call.#method(#key, #value); }
    }
}

impl Value {
    fn to_argument(&self) -> (Span, TokenStream) {
        match self {
            Self::Typed(value) => {
                let span = at(value.span());
                // Naming a variable or a field must not move it out of the body.
                let borrow = is_place(value).then(|| quote_spanned!(span=> &));
                (span, quote_spanned! {span=> #borrow #value})
            }
            Self::Display(value) => {
                let span = at(value.span());
                (span, quote_spanned! {span=> ::std::string::ToString::to_string(&#value)})
            }
            Self::Debug(value) => {
                let span = at(value.span());
                (span, quote_spanned! {span=> ::std::format!("{:?}", &#value)})
            }
        }
    }
}

fn is_place(value: &Expr) -> bool {
    match value {
        Expr::Path(_) | Expr::Field(_) | Expr::Index(_) => true,
        Expr::Unary(unary) => matches!(unary.op, syn::UnOp::Deref(_)),
        Expr::Paren(inner) => is_place(&inner.expr),
        Expr::Group(inner) => is_place(&inner.expr),
        _ => false,
    }
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitStr) {
            let key: LitStr = input.parse()?;
            if !input.peek(Token![=]) {
                return Err(Error::new(
                    key.span(),
                    format!("a quoted key requires a value: `{} = …`", key.to_token_stream()),
                ));
            }
            let value = Value::parse_assigned(input)?;
            return Self::new(key.value(), key.span(), value);
        }
        let is_keyed = input.peek(Ident::peek_any)
            && input.peek2(Token![=])
            && !input.peek2(Token![==])
            && !input.peek2(Token![=>]);
        if is_keyed {
            let key = input.call(Ident::parse_any)?;
            let value = Value::parse_assigned(input)?;
            return Self::new(key.unraw().to_string(), key.span(), value);
        }
        let alone: Expr = input.parse()?;
        match &alone {
            Expr::Path(path) if path.path.get_ident().is_some_and(|name| name != "self") => {
                let key = alone.to_token_stream().to_string();
                let key = key.strip_prefix("r#").unwrap_or(&key).to_owned();
                Self::new(key, alone.span(), Value::Typed(alone))
            }
            other => Err(Error::new_spanned(
                other,
                "only a variable can be its own key; add a key: `key = value`",
            )),
        }
    }
}

impl Entry {
    fn new(key: String, key_span: Span, value: Value) -> Result<Self> {
        if key.is_empty() {
            return Err(Error::new(key_span, "a key cannot be empty"));
        }
        Ok(Self { key, key_span, value, content: false })
    }
}

impl Value {
    fn parse_assigned(input: ParseStream<'_>) -> Result<Self> {
        input.parse::<Token![=]>()?;
        if input.parse::<Option<Token![%]>>()?.is_some() {
            return input.parse().map(Self::Display);
        }
        if input.parse::<Option<Token![?]>>()?.is_some() {
            return input.parse().map(Self::Debug);
        }
        input.parse().map(Self::Typed)
    }
}

/// Adds an entry, unless its key exists.
pub(crate) fn push(entries: &mut Vec<Entry>, entry: Entry) -> Result<()> {
    if entries.iter().any(|known| known.key == entry.key) {
        return Err(Error::new(
            entry.key_span,
            format!("`{}` is given twice; keep one", entry.key),
        ));
    }
    entries.push(entry);
    Ok(())
}

#[cfg(test)]
mod tests {
    use syn::parse::Parser as _;

    use super::*;

    fn statement(source: &str) -> String {
        let entry: Entry = syn::parse_str(source).unwrap();
        entry.statement(&Ident::new("call", Span::call_site())).to_string().replace(' ', "")
    }

    fn error(source: &str) -> String {
        syn::parse_str::<Entry>(source).err().expect("must not parse").to_string()
    }

    #[test]
    fn variables_and_fields_are_borrowed() {
        assert_eq!(statement("query"), r#"call=call.with("query",&query);"#);
        assert_eq!(statement("size = self.size"), r#"call=call.with("size",&self.size);"#);
        assert_eq!(statement("r#type"), r#"call=call.with("type",&r#type);"#);
        assert_eq!(statement("type = kind"), r#"call=call.with("type",&kind);"#);
    }

    #[test]
    fn other_values_are_passed_as_they_are() {
        assert_eq!(statement(r#""llm.n" = x.len()"#), r#"call=call.with("llm.n",x.len());"#);
        assert_eq!(statement("limit = 3"), r#"call=call.with("limit",3);"#);
    }

    #[test]
    fn text_forms_are_asked_for() {
        assert!(statement("note = %x").contains("to_string(&x)"));
        assert!(statement("note = ?x").contains(r#"format!("{:?}",&x)"#));
    }

    #[test]
    fn errors_say_what_to_write_instead() {
        assert!(error("self.size").contains("`key = value`"));
        assert!(error("\"llm.n\"").contains("`\"llm.n\" = …`"));
        assert!(error("\"\" = 1").contains("empty"));
    }

    #[test]
    fn a_key_is_given_once() {
        let parse = |input: ParseStream<'_>| {
            let mut entries = Vec::new();
            for entry in input.parse_terminated(Entry::parse, Token![,])? {
                push(&mut entries, entry)?;
            }
            Ok(entries.len())
        };
        assert_eq!(parse.parse_str("a, b = 1").unwrap(), 2);
        assert_eq!(
            parse.parse_str("a, a = 1").unwrap_err().to_string(),
            "`a` is given twice; keep one"
        );
    }
}
