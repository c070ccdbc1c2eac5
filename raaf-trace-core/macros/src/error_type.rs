//! `#[derive(ErrorType)]`.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{
    Attribute, Data, DeriveInput, Error, Fields, LitStr, Path, Result, ext::IdentExt as _,
    spanned::Spanned as _,
};

use crate::{call::default_crate, hint};

/// Classification of a struct or a variant.
enum Word {
    /// Its name.
    Name,
    Given(LitStr),
    /// Classification of the error in its only field.
    Transparent(proc_macro2::Span),
}

/// Expands the derive of one error type. Implements the trait beside an error too, so that the uses
/// of the type cause no further ones.
pub(crate) fn expand(input: &DeriveInput) -> TokenStream {
    let (code, checked) = implement(input);
    let error = checked.err().map(Error::into_compile_error);
    quote!(#error #code)
}

fn implement(input: &DeriveInput) -> (TokenStream, Result<()>) {
    let mut krate = None;
    let own = Word::read(&input.attrs, Some(&mut krate));
    let krate = krate.unwrap_or_else(default_crate);
    match own.and_then(|own| arms(input, &krate, &own)) {
        Ok(arms) => (implementation(input, &krate, &arms), Ok(())),
        Err(error) => {
            let error_type = quote!(_ => ::core::unreachable!(),);
            let arm = Arm { error_type, ..Arm::default() };
            (implementation(input, &krate, &[arm]), Err(error))
        }
    }
}

/// Arms of the matches on one struct or variant.
#[derive(Default)]
struct Arm {
    error_type: TokenStream,
    /// Empty unless the answer is that of a field.
    is_pause: TokenStream,
}

fn arms(input: &DeriveInput, krate: &Path, own: &Word) -> Result<Vec<Arm>> {
    let name = &input.ident;
    match &input.data {
        Data::Struct(data) => {
            arm(krate, &quote!(Self), own, &data.fields, || name.unraw().to_string())
                .map(|only| vec![only])
        }
        Data::Enum(data) => {
            if let Word::Given(_) | Word::Transparent(_) = own {
                return Err(Error::new_spanned(
                    name,
                    "an enum is classified by its variants; put `#[error_type(…)]` on them",
                ));
            }
            let arm = |variant: &syn::Variant| {
                let (ident, word) = (&variant.ident, Word::read(&variant.attrs, None)?);
                let name = || format!("{}::{}", name.unraw(), ident.unraw());
                arm(krate, &quote!(Self::#ident), &word, &variant.fields, name)
            };
            data.variants.iter().map(arm).collect()
        }
        Data::Union(data) => Err(Error::new(
            data.union_token.span,
            "`ErrorType` cannot be derived for a union; use a struct or an enum",
        )),
    }
}

fn implementation(input: &DeriveInput, krate: &Path, arms: &[Arm]) -> TokenStream {
    let name = &input.ident;
    let types = arms.iter().map(|arm| &arm.error_type);
    let pauses: Vec<_> =
        arms.iter().map(|arm| &arm.is_pause).filter(|arm| !arm.is_empty()).collect();
    let is_pause = (!pauses.is_empty()).then(|| {
        quote! {
            #[allow(unreachable_patterns)]
            fn is_pause(&self) -> bool {
                match self { #(#pauses)* _ => false }
            }
        }
    });
    let this = if arms.is_empty() { quote!(*self) } else { quote!(self) };
    let mut bounded = input.generics.clone();
    if !bounded.params.is_empty() {
        // The bounds under which the type is an error.
        bounded.make_where_clause().predicates.push(syn::parse_quote!(Self: ::std::error::Error));
    }
    let (generics, arguments, clauses) = bounded.split_for_impl();
    let known = input
        .generics
        .params
        .is_empty()
        .then(|| quote!(#krate::submit! { #krate::call::KnownErrorType::new::<#name>() }));
    quote! {
        #[automatically_derived]
        impl #generics #krate::ErrorType for #name #arguments #clauses {
            fn error_type(&self) -> ::std::borrow::Cow<'static, str> {
                match #this { #(#types)* }
            }
            #is_pause
        }
        #known
    }
}

fn arm(
    krate: &Path,
    pattern: &TokenStream,
    word: &Word,
    fields: &Fields,
    name: impl FnOnce() -> String,
) -> Result<Arm> {
    let word = match word {
        Word::Name => name(),
        Word::Given(word) => word.value(),
        Word::Transparent(span) => {
            let (Some(field), 1) = (fields.members().next(), fields.len()) else {
                return Err(Error::new(
                    *span,
                    "`transparent` requires exactly one field, which implements `ErrorType`",
                ));
            };
            let pattern = quote!(#pattern { #field: inner });
            return Ok(Arm {
                error_type: quote!(#pattern => #krate::ErrorType::error_type(inner),),
                is_pause: quote!(#pattern => #krate::ErrorType::is_pause(inner),),
            });
        }
    };
    let error_type = quote!(#pattern { .. } => ::std::borrow::Cow::Borrowed(#word),);
    Ok(Arm { error_type, ..Arm::default() })
}

impl Word {
    fn read(attributes: &[Attribute], mut krate: Option<&mut Option<Path>>) -> Result<Self> {
        let mut word = Self::Name;
        for attribute in attributes.iter().filter(|known| known.path().is_ident("error_type")) {
            let list = attribute.meta.require_list()?;
            if let Ok(given) = list.parse_args::<LitStr>() {
                if given.value().is_empty() {
                    return Err(Error::new(given.span(), "the `error.type` cannot be empty"));
                }
                word = Self::Given(given);
                continue;
            }
            list.parse_nested_meta(|option| {
                if option.path.is_ident("transparent") {
                    word = Self::Transparent(option.path.span());
                    Ok(())
                } else if let (true, Some(krate)) = (option.path.is_ident("crate"), &mut krate) {
                    **krate = Some(option.value()?.parse()?);
                    Ok(())
                } else {
                    let name = option.path.to_token_stream().to_string();
                    let advice = Some("a string must be in quotes".to_owned());
                    let known = ["transparent", "crate"];
                    let known = if krate.is_some() { &known[..] } else { &known[..1] };
                    Err(option.error(hint::unknown(&name, known, advice)))
                }
            })?;
        }
        Ok(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(source: &str) -> String {
        implement(&syn::parse_str(source).unwrap()).1.unwrap_err().to_string()
    }

    #[test]
    fn mistakes_are_explained() {
        assert!(error("enum E { #[error_type(what)] A }").contains("a string must be in quotes"));
        assert!(error("enum E { #[error_type(\"\")] A }").contains("empty"));
        assert!(error("enum E { #[error_type(transparent)] A(u8, u8) }").contains("exactly one"));
        assert!(error("#[error_type(\"x\")] enum E { A }").contains("on them"));
    }

    #[test]
    fn a_generic_type_is_not_registered() {
        let code = |source| implement(&syn::parse_str(source).unwrap()).0.to_string();
        assert!(code("enum E { A }").contains("submit"));
        assert!(!code("enum E<T> { A(T) }").contains("submit"));
    }
}
