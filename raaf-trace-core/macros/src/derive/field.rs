//! Fields of a struct that derives `Traceable`, and their `#[trace(…)]`.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{
    Data, DeriveInput, Error, Field, Ident, LitStr, Member, Meta, Path, Result, Token,
    ext::IdentExt as _, parse::ParseStream, spanned::Spanned as _,
};

use super::{keep_first, this};
use crate::{call::at, hint};

/// Role of a field in tracing.
pub(super) enum Role {
    Component,
    Attribute { key: LitStr, content: bool },
}

/// A field and its role.
pub(super) struct Marked<'a> {
    pub(super) member: Member,
    pub(super) field: &'a Field,
    pub(super) role: Option<(Span, Role)>,
}

impl<'a> Marked<'a> {
    /// Reads the marks of a struct's fields, and skips wrong ones, which are errors.
    pub(super) fn read_all(input: &'a DeriveInput, checked: &mut Result<()>) -> Result<Vec<Self>> {
        let fields = match &input.data {
            Data::Struct(data) => &data.fields,
            Data::Enum(data) => return Err(unfit(data.enum_token.span, "an enum")),
            Data::Union(data) => return Err(unfit(data.union_token.span, "a union")),
        };
        let read = |(field, member): (&'a Field, Member)| {
            let role = Role::of(field).unwrap_or_else(|error| {
                keep_first(checked, Err(error));
                None
            });
            Self { member, field, role }
        };
        Ok(fields.iter().zip(fields.members()).map(read).collect())
    }

    /// Returns the statement that sets the field as an attribute of a span.
    pub(super) fn setting(&self, attributes: &Ident) -> Option<TokenStream> {
        let Some((_, Role::Attribute { key, content })) = &self.role else { return None };
        let span = at(self.field.ty.span());
        let method = Ident::new(if *content { "set_content" } else { "set" }, span);
        let (this, member) = (this(), &self.member);
        Some(quote_spanned!(span=> #attributes.#method(#key, &#this.#member);))
    }
}

impl Role {
    fn of(field: &Field) -> Result<Option<(Span, Self)>> {
        let mut role = None;
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("trace")) {
            let span = attribute.span();
            let read = match &attribute.meta {
                Meta::Path(path) => Self::named_as(field, path)?,
                _ => attribute.parse_args_with(Self::parse)?,
            };
            if role.replace((span, read)).is_some() {
                return Err(Error::new(
                    span,
                    "the field has several `#[trace]` attributes; keep one",
                ));
            }
        }
        Ok(role)
    }

    fn named_as(field: &Field, mark: &Path) -> Result<Self> {
        match &field.ident {
            Some(name) => Ok(Self::Attribute {
                key: LitStr::new(&name.unraw().to_string(), name.span()),
                content: false,
            }),
            None => Err(Error::new_spanned(
                mark,
                "a field without a name requires a key: `#[trace(\"processor.batch_size\")]`",
            )),
        }
    }

    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let expected = "expected a key in quotes, `content = \"key\"` or `component`";
        let role = if input.peek(LitStr) {
            Self::Attribute { key: key(input)?, content: false }
        } else {
            let option =
                input.call(Ident::parse_any).map_err(|error| Error::new(error.span(), expected))?;
            if option == "content" && !input.peek(Token![=]) {
                return Err(Error::new(option.span(), expected));
            }
            if option == "component" {
                Self::Component
            } else if option == "content" {
                input.parse::<Token![=]>()?;
                Self::Attribute { key: key(input)?, content: true }
            } else {
                let (name, known) = (option.to_string(), ["component", "content"]);
                let misplaced = matches!(name.as_str(), "key" | "name")
                    .then(|| "the key stands alone: `#[trace(\"key\")]`".to_owned());
                return Err(Error::new(option.span(), hint::unknown(&name, &known, misplaced)));
            }
        };
        input.parse::<Option<Token![,]>>()?;
        if !input.is_empty() {
            return Err(input.error("the field has several options; keep one"));
        }
        Ok(role)
    }
}

fn key(input: ParseStream<'_>) -> Result<LitStr> {
    let key: LitStr = input.parse()?;
    if key.value().is_empty() {
        return Err(Error::new(key.span(), "a key cannot be empty"));
    }
    Ok(key)
}

fn unfit(span: Span, what: &str) -> Error {
    Error::new(
        span,
        format!(
            "`Traceable` can be derived only for structs, because {what} has no field that always \
             exists; wrap it in a struct with a `Component`, or implement the trait manually"
        ),
    )
}
