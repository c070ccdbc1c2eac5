//! `#[derive(Traceable)]`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Data, DeriveInput, Error, ExprPath, Field, Ident, Index, LitStr, Member, Meta, Path, Result,
    Token, Type, ext::IdentExt as _, parse::ParseStream, spanned::Spanned as _,
};

use crate::{
    call::{at, default_crate},
    hint,
};

/// Options of the struct's own `#[trace(…)]`.
#[derive(Default)]
struct Container {
    attributes: Option<ExprPath>,
    should_create: Option<ExprPath>,
    krate: Option<Path>,
    kind: Option<LitStr>,
    name: Option<LitStr>,
    new: Option<Span>,
}

/// Role of a field in tracing.
enum Role {
    Component,
    Attribute { key: LitStr, content: bool },
}

struct Marked<'a> {
    member: Member,
    field: &'a Field,
    role: Option<(Span, Role)>,
}

/// Returns `self` of the derived methods, independent of the span of surrounding tokens.
fn this() -> Token![self] {
    Token![self](Span::call_site())
}

/// Expands the derive of one struct.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(data) => return Err(unfit(data.enum_token.span, "an enum")),
        Data::Union(data) => return Err(unfit(data.union_token.span, "a union")),
    };
    let container = Container::read(input)?;
    let fields = fields
        .iter()
        .enumerate()
        .map(|(index, field)| Marked::read(index, field))
        .collect::<Result<Vec<_>>>()?;
    let component = component(&input.ident, &fields)?;

    let this = this();
    let krate = container.krate.clone().unwrap_or_else(default_crate);
    let constructor = container.constructor(input, &krate, &fields, component)?;
    let attributes = Ident::new("__attributes", Span::mixed_site());
    let settings: Vec<_> = fields.iter().filter_map(|field| field.setting(&attributes)).collect();
    let hook = container
        .attributes
        .map(|hook| quote_spanned!(at(hook.span())=> #hook(#this, #attributes);));
    let span_attributes = (!settings.is_empty() || hook.is_some()).then(|| {
        quote! {
            fn span_attributes(&self, #attributes: &mut #krate::Attributes) {
                #(#settings)*
                #hook
            }
        }
    });
    let should_create = container.should_create.map(|rule| {
        let call = Ident::new("__call", Span::mixed_site());
        let ask = quote_spanned!(at(rule.span())=> #rule(#this, #call));
        quote! {
            fn should_create_span(&self, #call: &#krate::call::CallInfo<'_>) -> bool {
                #ask
            }
        }
    });

    let name = &input.ident;
    let (generics, arguments, clauses) = input.generics.split_for_impl();
    let (member, span) = (&component.member, at(component.field.ty.span()));
    let component = quote_spanned!(span=> &#this.#member);
    Ok(quote! {
        #[automatically_derived]
        impl #generics #krate::Traceable for #name #arguments #clauses {
            fn component(&self) -> &#krate::Component {
                #component
            }
            #span_attributes
            #should_create
        }

        #constructor
    })
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

/// Returns the marked field, or the only one whose type is called `Component`.
fn component<'a, 'f>(name: &Ident, fields: &'a [Marked<'f>]) -> Result<&'a Marked<'f>> {
    let mut marked = fields.iter().filter_map(|field| match field.role {
        Some((span, Role::Component)) => Some((span, field)),
        _ => None,
    });
    if let Some((_, first)) = marked.next() {
        return match marked.next() {
            Some((span, _)) => Err(Error::new(
                span,
                "two fields are marked as the component; keep one `#[trace(component)]`",
            )),
            None => Ok(first),
        };
    }
    let mut typed =
        fields.iter().filter(|field| field.role.is_none() && is_component(&field.field.ty));
    match (typed.next(), typed.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(second)) => Err(Error::new_spanned(
            &second.field.ty,
            "several fields have the type `Component`; mark the struct's own with \
             `#[trace(component)]`",
        )),
        (None, _) => Err(Error::new_spanned(
            name,
            format!(
                "`{name}` has no field of type `Component`; add `component: Component`, or mark \
                 the field with `#[trace(component)]`"
            ),
        )),
    }
}

fn is_component(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Component"),
        Type::Group(inner) => is_component(&inner.elem),
        Type::Paren(inner) => is_component(&inner.elem),
        _ => false,
    }
}

impl Container {
    fn read(input: &DeriveInput) -> Result<Self> {
        let mut container = Self::default();
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("trace")) {
            attribute.meta.require_list()?.parse_nested_meta(|option| {
                if option.path.is_ident("attributes") {
                    once(&mut container.attributes, &option.path, option.value()?)
                } else if option.path.is_ident("should_create") {
                    once(&mut container.should_create, &option.path, option.value()?)
                } else if option.path.is_ident("crate") {
                    once(&mut container.krate, &option.path, option.value()?)
                } else if option.path.is_ident("kind") {
                    word(&mut container.kind, &option.path, option.value()?)
                } else if option.path.is_ident("name") {
                    word(&mut container.name, &option.path, option.value()?)
                } else if option.path.is_ident("new") {
                    if container.new.replace(option.path.span()).is_some() {
                        return Err(option.error("`new` is given twice; keep one"));
                    }
                    Ok(())
                } else {
                    let known = ["new", "kind", "name", "attributes", "should_create", "crate"];
                    Err(option.error(hint::unknown(&written(&option.path), &known, None)))
                }
            })?;
        }
        Ok(container)
    }

    /// Returns the constructor `new(the other fields)`, if requested.
    fn constructor(
        &self,
        input: &DeriveInput,
        krate: &Path,
        fields: &[Marked<'_>],
        component: &Marked<'_>,
    ) -> Result<Option<TokenStream>> {
        let Some(asked) = self.new else {
            return match self.kind.as_ref().or(self.name.as_ref()) {
                Some(unused) => Err(Error::new(
                    unused.span(),
                    "`kind` and `name` require the constructor; add `new`: \
                     `#[trace(new, kind = …)]`",
                )),
                None => Ok(None),
            };
        };
        let ident = &input.ident;
        let name = self
            .name
            .clone()
            .unwrap_or_else(|| LitStr::new(&ident.unraw().to_string(), ident.span()));
        let kind = self.kind.as_ref().map(|kind| quote!(.with_kind(#kind)));
        let mut made = quote!(#krate::Component::new(#name)#kind);
        if !is_component(&component.field.ty) {
            made = quote!(::core::convert::From::from(#made));
        }
        let (mut parameters, mut values) = (Vec::new(), Vec::new());
        for field in fields {
            let member = &field.member;
            if member == &component.member {
                values.push(quote!(#member: #made));
                continue;
            }
            let parameter = match member {
                Member::Named(name) => name.clone(),
                Member::Unnamed(index) => Ident::new(&format!("field_{}", index.index), index.span),
            };
            let ty = &field.field.ty;
            values.push(quote!(#member: #parameter));
            parameters.push(quote!(#parameter: #ty));
        }
        let doc = format!("Creates a `{ident}` with a component of its own.");
        let (visibility, new) = (&input.vis, Ident::new("new", asked));
        let (generics, arguments, clauses) = input.generics.split_for_impl();
        Ok(Some(quote! {
            #[automatically_derived]
            impl #generics #ident #arguments #clauses {
                #[doc = #doc]
                #[must_use]
                #[allow(clippy::too_many_arguments, clippy::new_without_default)]
                #visibility fn #new(#(#parameters),*) -> Self {
                    Self { #(#values),* }
                }
            }
        }))
    }
}

fn written(option: &Path) -> String {
    option.to_token_stream().to_string().replace(' ', "")
}

fn word(slot: &mut Option<LitStr>, option: &Path, value: ParseStream<'_>) -> Result<()> {
    once(slot, option, value)?;
    match slot {
        Some(word) if word.value().is_empty() => {
            Err(Error::new(word.span(), "a component's kind and name cannot be empty"))
        }
        _ => Ok(()),
    }
}

fn once<T: syn::parse::Parse>(
    slot: &mut Option<T>,
    option: &Path,
    value: ParseStream<'_>,
) -> Result<()> {
    if slot.replace(value.parse()?).is_some() {
        let name = written(option);
        return Err(Error::new_spanned(option, format!("`{name}` is given twice; keep one")));
    }
    Ok(())
}

impl<'a> Marked<'a> {
    fn read(index: usize, field: &'a Field) -> Result<Self> {
        let member = field.ident.clone().map_or_else(
            || Member::Unnamed(Index { index: index as u32, span: field.span() }),
            Member::Named,
        );
        let mut role = None;
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("trace")) {
            let span = attribute.span();
            let read = match &attribute.meta {
                Meta::Path(path) => Role::named_as(field, path)?,
                _ => attribute.parse_args_with(|input: ParseStream<'_>| Role::parse(input))?,
            };
            if role.replace((span, read)).is_some() {
                return Err(Error::new(
                    span,
                    "the field has several `#[trace]` attributes; keep one",
                ));
            }
        }
        Ok(Self { member, field, role })
    }

    /// Returns the statement that sets the field as an attribute of a span.
    fn setting(&self, attributes: &Ident) -> Option<TokenStream> {
        let Some((_, Role::Attribute { key, content })) = &self.role else { return None };
        let span = at(self.field.ty.span());
        let method = Ident::new(if *content { "set_content" } else { "set" }, span);
        let (this, member) = (this(), &self.member);
        Some(quote_spanned!(span=> #attributes.#method(#key, &#this.#member);))
    }
}

impl Role {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn code(source: &str) -> String {
        expand(&syn::parse_str(source).unwrap()).unwrap().to_string().replace(' ', "")
    }

    fn error(source: &str) -> String {
        expand(&syn::parse_str(source).unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn the_component_is_found_by_type_or_by_mark() {
        assert!(code("struct S { c: raaf::Component, n: u8 }").contains("&self.c"));
        assert!(code("struct S(u8, Component);").contains("&self.1"));
        assert!(code("struct S { a: Component, #[trace(component)] b: Own }").contains("&self.b"));
    }

    #[test]
    fn fields_become_attributes() {
        let code = code(
            r#"struct S { c: Component, #[trace("s.n")] n: u8, #[trace] r#type: u8,
               #[trace(content = "s.p")] p: String }"#,
        );
        assert!(code.contains(r#".set("s.n",&self.n)"#), "{code}");
        assert!(code.contains(r#".set("type",&self.r#type)"#), "{code}");
        assert!(code.contains(r#".set_content("s.p",&self.p)"#), "{code}");
    }

    #[test]
    fn a_constructor_takes_the_other_fields() {
        let named =
            code(r#"#[trace(new, kind = "tool")] pub(crate) struct S<T> { c: Component, n: T }"#);
        assert!(named.contains("pub(crate)fnnew(n:T)->Self"), "{named}");
        assert!(named.contains(r#"Component::new("S").with_kind("tool"),n:n"#), "{named}");
        let tuple = code(r#"#[trace(name = "X", new)] struct S(u8, Component);"#);
        assert!(tuple.contains("fnnew(field_0:u8)->Self"), "{tuple}");
        assert!(tuple.contains(r#"1:::raaf_trace_core::Component::new("X")"#), "{tuple}");
        assert!(error(r#"#[trace(kind = "tool")] struct S(Component);"#).contains("add `new`"));
        assert!(error(r#"#[trace(new, name = "")] struct S(Component);"#).contains("empty"));
        assert!(error("#[trace(new, new)] struct S(Component);").contains("twice"));
    }

    #[test]
    fn a_missing_or_doubtful_component_is_said() {
        assert!(error("struct S { n: u8 }").contains("`S` has no field of type `Component`"));
        assert!(error("struct S;").contains("add `component: Component`"));
        assert!(error("struct S(Component, Component);").contains("mark the struct's own"));
        let twice = "struct S { #[trace(component)] a: A, #[trace(component)] b: B }";
        assert!(error(twice).contains("two fields"));
        assert!(error("enum E { A(Component) }").contains("only for structs"));
    }

    #[test]
    fn unknown_options_list_the_known_ones() {
        let field = |option| error(&format!("struct S {{ #[trace({option})] c: Component }}"));
        assert!(field("what").ends_with("options are `component` and `content`"));
        assert!(field("key = \"n\"").contains("the key stands alone"));
        assert!(field("conten = \"n\"").contains("did you mean `content`?"));
        assert!(field("content").contains("`content = \"key\"`"));
        assert!(error("#[trace(what)] struct S(Component);").contains("`should_create`"));
        let misspelt = error("#[trace(new, knid = \"tool\")] struct S(Component);");
        assert!(misspelt.contains("did you mean `kind`?"), "{misspelt}");
        assert!(error("struct S(Component, #[trace] u8);").contains("requires a key"));
        assert!(error(r#"struct S(Component, #[trace("")] u8);"#).contains("empty"));
        assert!(
            error(r#"struct S(Component, #[trace("a", "b")] u8);"#).contains("several options")
        );
        let twice = "#[trace(crate = a, crate = b)] struct S(Component);";
        assert!(error(twice).contains("`crate` is given twice; keep one"));
    }
}
