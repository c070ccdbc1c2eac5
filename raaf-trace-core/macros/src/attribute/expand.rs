//! Expansion of `#[traced]`: runs a function's body in a traced call, and keeps everything else.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    AttrStyle, Attribute, Error, FnArg, GenericArgument, Ident, LitStr, Path, PathArguments,
    Receiver, ReceiverKind, Result, ReturnType, Signature, Type, Visibility, braced,
    ext::IdentExt as _,
    parse::{Parse, ParseStream},
    spanned::Spanned as _,
    token::Brace,
};

use super::{
    async_fn::{ReturnedFuture, is_static},
    options::{Options, Subject},
    stream::Streamed,
};
use crate::call::{
    OWNED_SELF, Plan, Warning, at, begin, default_crate, located, nameable, typed_async_block,
};

/// A function with an unparsed body, which only a few forms inspect.
pub(super) struct Function {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    pub(super) signature: Signature,
    brace: Brace,
    pub(super) body: TokenStream,
}

/// Expands one `#[traced(options)] item`. Emits errors beside the unchanged item, so that they
/// cause no further errors.
pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    try_expand(options, item.clone()).unwrap_or_else(|error| {
        let error = error.into_compile_error();
        if let Ok(mut function) = syn::parse2::<Function>(item.clone()) {
            // In front of the body: among the items of an impl it would be parsed as one of them.
            let body = function.body;
            function.body = quote!(#error #body);
            function.into_token_stream()
        } else {
            quote!(#error #item)
        }
    })
}

fn try_expand(options: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut function: Function = syn::parse2(item)?;
    let options: Options = syn::parse2(options)?;
    let signature = &function.signature;
    if let Some(constness) = signature.constness {
        return Err(Error::new_spanned(
            constness,
            "a `const fn` cannot be traced because it may run at compile time; remove `const`",
        ));
    }
    let output = match &signature.output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, output) => (**output).clone(),
    };
    let is_endless = matches!(output, Type::Never(_));
    if let (true, Some(hook)) = (is_endless, &options.result) {
        return Err(Error::new_spanned(
            hook,
            "`result` has no value to receive because this function never returns; remove `result`",
        ));
    }
    let receiver = signature.receiver().filter(|_| options.subject.is_none());
    let future = (signature.asyncness.is_none()).then(|| ReturnedFuture::of(&output)).flatten();
    let owned = receiver.filter(|receiver| {
        future.as_ref().is_some_and(ReturnedFuture::is_static) && is_short_reference(receiver)
    });
    let keep = owned.map(|receiver| keep_self(&options, receiver));
    let exclusive = keep.is_none() && receiver.is_some_and(|this| !is_shared_reference(this));
    let returned = future.as_ref().map_or(Some(&output), |future| future.output());
    let stream = options.stream;
    let mut plan = plan(signature, options)?;
    plan.owns_self = keep.is_some();
    let is_visible = returned.and_then(Streamed::of).is_some();
    plan.warning = stream.is_none().then(|| Warning { at: output.span(), is_visible });
    if stream == Some(true) {
        let output = returned.unwrap_or(&output);
        let streamed = Streamed::of(output).map_or_else(|| Streamed::behind_alias(output), Ok)?;
        plan.stream = Some(streamed);
        if let Some(hook) = &plan.result {
            return Err(Error::new_spanned(
                hook,
                "`result` would receive the stream before its first item; remove `result`",
            ));
        }
    }
    let body = &function.body;

    function.body = if signature.asyncness.is_some() {
        if is_endless {
            let output = syn::parse_quote!(::core::convert::Infallible);
            plan.around_endless_future(&typed_async_block(&output, body))
        } else {
            plan.around_future(&typed_async_block(&nameable(&output), body))
        }
    } else if let Some(future) = future {
        future.trace(&plan, &function, exclusive)?
    } else if is_endless {
        plan.around_endless_closure(&quote_spanned! {Span::mixed_site()=>
            move || -> ::core::convert::Infallible { #body }
        })
    } else {
        let output = nameable(&output);
        plan.around_closure(&quote_spanned!(Span::mixed_site()=> move || -> #output { #body }))
    };
    let body = &function.body;
    function.body = quote!(#keep #body);
    Ok(function.into_token_stream())
}

fn plan(signature: &Signature, options: Options) -> Result<Plan> {
    let krate = options.krate.unwrap_or_else(default_crate);
    let method =
        options.name.map_or_else(|| signature.ident.unraw().to_string(), |name| name.value());
    let start = match (&options.subject, signature.receiver()) {
        (Some(Subject::Value(component)), _) => {
            let span = at(component.span());
            begin(&krate, &quote_spanned!(span=> &#component), component.span(), &method)
        }
        (Some(Subject::Own { make, name, kind }), _) => {
            begin_own(&krate, make, name, kind.as_ref(), &method)
        }
        (None, Some(receiver)) => {
            begin(&krate, &borrow_self(receiver), receiver.self_token.span, &method)
        }
        (None, None) => {
            return Err(Error::new_spanned(
                &signature.ident,
                "a function without `self` has no component; create one with `#[traced(tool = \
                 \"…\")]` (or `agent`, `pipeline`, `runner`, `component`), or pass an existing \
                 value with `#[traced(component = …)]`",
            ));
        }
    };
    Ok(Plan {
        start,
        krate,
        entries: options.entries,
        prepared: false,
        owns_self: false,
        skip_if: options.skip_if,
        parent: options.parent,
        join: options.join,
        stream: None,
        warning: None,
        result: options.result,
    })
}

/// Starts a call of the function's own component.
fn begin_own(
    krate: &Path,
    make: &str,
    name: &LitStr,
    kind: Option<&LitStr>,
    method: &str,
) -> TokenStream {
    let span = at(name.span());
    let make = Ident::new(make, span);
    let kind = kind.map(|kind| quote_spanned!(at(kind.span())=> .with_kind(#kind)));
    let component = Ident::new("__COMPONENT", Span::mixed_site());
    let begin = begin(krate, &quote_spanned!(span=> &*#component), name.span(), method);
    quote_spanned! {span=> {
        static #component: ::std::sync::LazyLock<#krate::Component> =
            ::std::sync::LazyLock::new(|| #krate::Component::#make(#name)#kind);
        #begin
    }}
}

/// Returns `&Self` for any receiver.
fn borrow_self(receiver: &Receiver) -> TokenStream {
    let this = receiver.self_token;
    let pointers = match &receiver.kind {
        ReceiverKind::Reference(..) => 1,
        ReceiverKind::Typed(_, ty) => pointers(ty),
        _ => 0,
    };
    let derefs = (0..pointers).map(|_| quote_spanned!(at(this.span)=> *));
    quote_spanned!(at(this.span)=> &#(#derefs)*#this)
}

fn is_shared_reference(receiver: &Receiver) -> bool {
    match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => mutability.is_none(),
        ReceiverKind::Typed(_, ty) => {
            matches!(&**ty, Type::Reference(reference) if reference.mutability.is_none())
        }
        _ => false,
    }
}

/// Returns whether `self` is a reference that a `'static` future cannot keep.
fn is_short_reference(receiver: &Receiver) -> bool {
    let lifetime = match &receiver.kind {
        ReceiverKind::Reference(_, lifetime, _) => lifetime,
        ReceiverKind::Typed(_, ty) => match &**ty {
            Type::Reference(reference) => &reference.lifetime,
            _ => return false,
        },
        _ => return false,
    };
    !lifetime.as_ref().is_some_and(is_static)
}

/// Returns the statement that clones what `self` refers to, for a future that cannot borrow it.
fn keep_self(options: &Options, receiver: &Receiver) -> TokenStream {
    let this = receiver.self_token;
    let span = at(this.span);
    let krate = located(&options.krate.clone().unwrap_or_else(default_crate), span);
    let owned = Ident::new(OWNED_SELF, Span::mixed_site());
    quote_spanned!(span=> let #owned = #krate::__private::owned(&*#this);)
}

/// Returns the number of pointers between a receiver's type and `Self`.
fn pointers(ty: &Type) -> usize {
    match ty {
        Type::Reference(reference) => 1 + pointers(&reference.elem),
        Type::Paren(inner) => pointers(&inner.elem),
        Type::Group(inner) => pointers(&inner.elem),
        Type::Path(path) => {
            let Some(segment) = path.path.segments.last() else { return 0 };
            let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return 0 };
            let pointee = arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(pointee) => Some(pointee),
                _ => None,
            });
            match (pointee, segment.ident.to_string().as_str()) {
                // A `Pin` adds nothing to the pointer in it.
                (Some(pointee), "Pin") => pointers(pointee),
                (Some(pointee), "Arc" | "Rc" | "Box") => 1 + pointers(pointee),
                _ => 0,
            }
        }
        _ => 0,
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attributes = input.call(Attribute::parse_outer)?;
        let start = input.span();
        let visibility = input.parse()?;
        let signature: Signature = input.parse().map_err(|_| {
            Error::new(
                start,
                "`#[traced]` supports only methods and functions; for a type use \
                 `#[derive(Traceable)]`",
            )
        })?;
        if !input.peek(Brace) {
            return Err(Error::new_spanned(
                &signature.ident,
                "this function has no body to trace; put `#[traced]` on the implementations",
            ));
        }
        let content;
        let brace = braced!(content in input);
        for mut inner in content.call(Attribute::parse_inner)? {
            inner.style = AttrStyle::Outer;
            attributes.push(inner);
        }
        Ok(Self { attributes, visibility, signature, brace, body: content.parse()? })
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for attribute in &self.attributes {
            attribute.to_tokens(tokens);
        }
        self.visibility.to_tokens(tokens);
        self.signature.to_tokens(tokens);
        self.brace.surround(tokens, |tokens| self.body.to_tokens(tokens));
    }
}

impl Function {
    pub(super) fn receiver(&self) -> Option<&Receiver> {
        self.signature.inputs.iter().find_map(|argument| match argument {
            FnArg::Receiver(receiver) => Some(receiver),
            FnArg::Typed(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(options: &str, item: &str) -> String {
        try_expand(options.parse().unwrap(), item.parse().unwrap()).unwrap_err().to_string()
    }

    fn expanded(options: &str, item: &str) -> String {
        try_expand(options.parse().unwrap(), item.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn what_cannot_be_traced_is_said() {
        assert!(error("", "fn f() {}").contains("component = …"));
        assert!(error("stream", "fn f(&self) {}").contains("requires a return type"));
        let hooked = error("stream, result = hook", "fn f(&self) -> impl Stream<Item = u8> {}");
        assert!(hooked.contains("before its first item"));
        assert!(error("", "const fn f(&self) {}").contains("remove `const`"));
        assert!(error("", "fn f(&self);").contains("no body"));
        assert!(error("", "struct S;").contains("derive(Traceable)"));
        assert!(error("result = hook", "fn f(&self) -> ! { loop {} }").contains("never returns"));
    }

    #[test]
    fn an_error_leaves_the_function_in_place() {
        let kept = expand("what".parse().unwrap(), &"pub fn f(&self) { 1; }".parse().unwrap());
        assert!(kept.to_string().starts_with("pub fn f (& self) { ::"), "{kept}");
    }

    #[test]
    fn every_receiver_is_followed_to_self() {
        for (receiver, borrowed) in [
            ("&self", "&*self"),
            ("&mut self", "&*self"),
            ("mut self", "&self"),
            ("self: Box<Self>", "&*self"),
            ("self: &Arc<Self>", "&**self"),
            ("self: Pin<&mut Self>", "&*self"),
            ("self: Arc<Box<Self>>", "&**self"),
        ] {
            let code = expanded("", &format!("fn f({receiver}) {{}}")).replace(' ', "");
            assert!(code.contains(&format!("begin({borrowed},\"f\")")), "{receiver}: {code}");
        }
    }

    #[test]
    fn raw_names_are_cleaned_and_inner_attributes_kept() {
        let code = expanded("", "fn r#type(&self) { #![allow(unused)] }");
        assert!(code.contains("\"type\"") && code.starts_with("# [allow (unused)]"), "{code}");
    }
}
