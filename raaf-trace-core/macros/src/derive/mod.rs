//! `#[derive(Traceable)]`.

mod field;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    DeriveInput, Error, ExprPath, Ident, LitStr, Member, Path, Result, Token, Type,
    ext::IdentExt as _, meta::ParseNestedMeta, parse::ParseStream, spanned::Spanned as _,
};

use crate::{
    call::{at, default_crate},
    hint,
};
use field::{Marked, Role};

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

/// Returns `self` of the derived methods, independent of the span of surrounding tokens.
fn this() -> Token![self] {
    Token![self](Span::call_site())
}

/// Expands the derive of one struct. Implements the trait beside an error too, so that the uses of
/// the type cause no further ones.
pub(crate) fn expand(input: &DeriveInput) -> TokenStream {
    let (code, checked) = implement(input);
    let error = checked.err().map(Error::into_compile_error);
    quote!(#error #code)
}

fn implement(input: &DeriveInput) -> (TokenStream, Result<()>) {
    let (container, mut checked) = Container::read(input);
    let krate = container.krate.clone().unwrap_or_else(default_crate);
    let built = Marked::read_all(input, &mut checked)
        .and_then(|fields| container.implement(input, &krate, &fields));
    match built {
        Ok((code, constructor)) => (code, checked.and(constructor)),
        Err(error) => {
            let component = quote!(::core::unreachable!());
            let code = implementation(input, &krate, &component, &TokenStream::new());
            (code, checked.and(Err(error)))
        }
    }
}

fn implementation(
    input: &DeriveInput,
    krate: &Path,
    component: &TokenStream,
    methods: &TokenStream,
) -> TokenStream {
    let name = &input.ident;
    let (generics, arguments, clauses) = input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #generics #krate::Traceable for #name #arguments #clauses {
            fn component(&self) -> &#krate::Component {
                #component
            }
            #methods
        }
    }
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
    /// Reads the options, and skips wrong ones, which are errors.
    fn read(input: &DeriveInput) -> (Self, Result<()>) {
        let (mut container, mut checked) = (Self::default(), Ok(()));
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("trace")) {
            let read = attribute.meta.require_list().and_then(|list| {
                list.parse_nested_meta(|option| {
                    let unknown = container.set(&option);
                    keep_first(&mut checked, unknown);
                    if !option.input.peek(Token![,]) && !option.input.is_empty() {
                        // The value of an unknown option.
                        option.value()?.parse::<syn::Expr>()?;
                    }
                    Ok(())
                })
            });
            keep_first(&mut checked, read);
        }
        (container, checked)
    }

    fn set(&mut self, option: &ParseNestedMeta<'_>) -> Result<()> {
        match written(&option.path).as_str() {
            "attributes" => once(&mut self.attributes, &option.path, option.value()?),
            "should_create" => once(&mut self.should_create, &option.path, option.value()?),
            "crate" => once(&mut self.krate, &option.path, option.value()?),
            "kind" => word(&mut self.kind, &option.path, option.value()?),
            "name" => word(&mut self.name, &option.path, option.value()?),
            "new" => match self.new.replace(option.path.span()) {
                Some(_) => Err(option.error("`new` is given twice; keep one")),
                None => Ok(()),
            },
            other => {
                let known = ["new", "kind", "name", "attributes", "should_create", "crate"];
                Err(option.error(hint::unknown(other, &known, None)))
            }
        }
    }

    /// Returns the implementation and the constructor, and whether the latter's options fit.
    fn implement(
        &self,
        input: &DeriveInput,
        krate: &Path,
        fields: &[Marked<'_>],
    ) -> Result<(TokenStream, Result<()>)> {
        let component = component(&input.ident, fields)?;
        let this = this();
        let attributes = Ident::new("__attributes", Span::mixed_site());
        let settings: Vec<_> =
            fields.iter().filter_map(|field| field.setting(&attributes)).collect();
        let hook = self
            .attributes
            .as_ref()
            .map(|hook| quote_spanned!(at(hook.span())=> #hook(#this, #attributes);));
        let span_attributes = (!settings.is_empty() || hook.is_some()).then(|| {
            quote! {
                fn span_attributes(&self, #attributes: &mut #krate::Attributes) {
                    #(#settings)*
                    #hook
                }
            }
        });
        let should_create = self.should_create.as_ref().map(|rule| {
            let call = Ident::new("__call", Span::mixed_site());
            let ask = quote_spanned!(at(rule.span())=> #rule(#this, #call));
            quote! {
                fn should_create_span(&self, #call: &#krate::call::CallInfo<'_>) -> bool {
                    #ask
                }
            }
        });
        let (member, span) = (&component.member, at(component.field.ty.span()));
        let borrowed = quote_spanned!(span=> &#this.#member);
        let methods = quote!(#span_attributes #should_create);
        let mut code = implementation(input, krate, &borrowed, &methods);
        let constructor = self.constructor(input, krate, fields, component);
        let fits = constructor.map(|constructor| code.extend(constructor));
        Ok((code, fits))
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

fn keep_first(checked: &mut Result<()>, next: Result<()>) {
    if checked.is_ok() {
        *checked = next;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn code(source: &str) -> String {
        let (code, checked) = implement(&syn::parse_str(source).unwrap());
        checked.unwrap();
        code.to_string().replace(' ', "")
    }

    fn error(source: &str) -> String {
        implement(&syn::parse_str(source).unwrap()).1.unwrap_err().to_string()
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
