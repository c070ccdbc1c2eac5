//! Functions that return a future without being `async`, including `#[async_trait]` methods.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    AssocType, Block, Error, Expr, ExprAsync, ExprReturn, GenericArgument, Lifetime, PathArguments,
    PathSegment, Result, Stmt, Type, TypeParamBound,
    punctuated::Punctuated,
    visit_mut::{self, VisitMut},
};

use super::expand::Function;
use crate::call::{Plan, nameable, output_hint, tail_mut};

/// A return type that is a future.
pub(super) struct ReturnedFuture {
    /// Output of the future, where the type states it.
    output: Option<Type>,
    /// The return type, with `impl Trait` left to inference.
    whole: Type,
    boxed: bool,
    /// `true` if the future may borrow nothing.
    is_static: bool,
}

impl ReturnedFuture {
    /// Recognises `impl Future`, `Pin<Box<dyn Future>>`, and the aliases `BoxFuture` and
    /// `LocalBoxFuture` of the `futures` crate.
    pub(super) fn of(returned: &Type) -> Option<Self> {
        let future = |output, boxed, is_static| {
            Some(Self { output, whole: nameable(returned), boxed, is_static })
        };
        match returned {
            Type::ImplTrait(opaque) => {
                let is_static = lifetime_bound(&opaque.bounds).is_some_and(is_static);
                future(future_bound(&opaque.bounds)?, false, is_static)
            }
            Type::Path(path) => {
                let segment = path.path.segments.last()?;
                if segment.ident == "BoxFuture" || segment.ident == "LocalBoxFuture" {
                    let is_static = lifetime_argument(segment).is_some_and(is_static);
                    return future(type_argument(segment).cloned(), true, is_static);
                }
                let pinned = last_segment(argument_of(segment, "Pin")?)?;
                match argument_of(pinned, "Box")? {
                    Type::TraitObject(object) => {
                        // `'static` is the default in a box.
                        let is_static = lifetime_bound(&object.bounds).is_none_or(is_static);
                        future(future_bound(&object.bounds)?, true, is_static)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Returns the future's output, where the type states it.
    pub(super) fn output(&self) -> Option<&Type> {
        self.output.as_ref()
    }

    /// Returns whether the future may borrow nothing.
    pub(super) fn is_static(&self) -> bool {
        self.is_static
    }

    /// Returns the function's new body, whose future decides about its call at the first poll.
    ///
    /// `exclusive`: `self` cannot be shared between the call and the traced future.
    pub(super) fn trace(
        &self,
        plan: &Plan,
        function: &Function,
        exclusive: bool,
    ) -> Result<TokenStream> {
        let body = &function.body;
        let mut block: Block = syn::parse2(quote!({ #body }))?;
        if !returns_early(&mut block)
            && let Some(inner) = tail_mut(&mut block).and_then(async_block_mut)
        {
            *inner = self.trace_block(plan, inner);
            let statements = &block.stmts;
            return Ok(quote!(#(#statements)*));
        }
        if exclusive {
            let receiver =
                function.receiver().map_or(Span::call_site(), |this| this.self_token.span);
            return Err(Error::new(
                receiver,
                "the traced future cannot share this `self`; take `&self`, end the body in an \
                 `async` block without an earlier `return`, or set `component = …`",
            ));
        }
        let whole = &self.whole;
        let future = syn::Ident::new("__future", Span::mixed_site());
        let traced = plan.around_future(&quote!(#future));
        let traced = quote_spanned!(Span::mixed_site()=> async move { #traced });
        let traced = if self.boxed { quote!(::std::boxed::Box::pin(#traced)) } else { traced };
        Ok(quote_spanned! {Span::mixed_site()=>
            let #future = (move || -> #whole { #body })();
            #traced
        })
    }

    fn trace_block(&self, plan: &Plan, user: &ExprAsync) -> ExprAsync {
        let hint = self.output.as_ref().map(|output| output_hint(&nameable(output)));
        let (attributes, capture) = (&user.attrs, &user.capture);
        let statements = &user.block.stmts;
        let traced = plan.around_future(&quote_spanned! {Span::mixed_site()=>
            async #capture { #hint #(#statements)* }
        });
        syn::parse_quote!(#(#attributes)* async move { #traced })
    }
}

/// Returns the `Output` of the `Future` among `bounds`; the outer `None` if there is no future.
#[allow(clippy::option_option, reason = "a future's type may not state its output")]
fn future_bound(bounds: &Punctuated<TypeParamBound, syn::Token![+]>) -> Option<Option<Type>> {
    bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let segment = bound.path.segments.last().filter(|segment| segment.ident == "Future")?;
        let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
            return Some(None);
        };
        Some(arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(AssocType { ident, ty, .. }) if ident == "Output" => {
                Some(ty.clone())
            }
            _ => None,
        }))
    })
}

fn lifetime_bound(bounds: &Punctuated<TypeParamBound, syn::Token![+]>) -> Option<&Lifetime> {
    bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Lifetime(lifetime) => Some(lifetime),
        _ => None,
    })
}

fn lifetime_argument(segment: &PathSegment) -> Option<&Lifetime> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Lifetime(lifetime) => Some(lifetime),
        _ => None,
    })
}

pub(super) fn is_static(lifetime: &Lifetime) -> bool {
    lifetime.ident == "static"
}

pub(super) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

pub(super) fn argument_of<'a>(segment: &'a PathSegment, name: &str) -> Option<&'a Type> {
    if segment.ident == name { type_argument(segment) } else { None }
}

pub(super) fn type_argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Returns the block in `async { … }`, `Box::pin(async { … })` and `async { … }.boxed()`.
fn async_block_mut(tail: &mut Expr) -> Option<&mut ExprAsync> {
    match tail {
        Expr::Async(block) => Some(block),
        Expr::Paren(inner) => async_block_mut(&mut inner.expr),
        Expr::Group(inner) => async_block_mut(&mut inner.expr),
        Expr::Call(call) if call.args.len() == 1 && is_box_pin(&call.func) => {
            call.args.first_mut().and_then(async_block_mut)
        }
        Expr::MethodCall(call) if call.method == "boxed" || call.method == "boxed_local" => {
            async_block_mut(&mut call.receiver)
        }
        _ => None,
    }
}

fn is_box_pin(function: &Expr) -> bool {
    let Expr::Path(path) = function else { return false };
    let mut segments = path.path.segments.iter().rev();
    segments.next().is_some_and(|last| last.ident == "pin")
        && segments.next().is_some_and(|owner| owner.ident == "Box")
}

/// Returns whether the statements before the future may return another one, or fail.
fn returns_early(block: &mut Block) -> bool {
    struct Search(bool);

    impl VisitMut for Search {
        fn visit_expr_return_mut(&mut self, _: &mut ExprReturn) {
            self.0 = true;
        }
        fn visit_expr_try_mut(&mut self, _: &mut syn::ExprTry) {
            self.0 = true;
        }
        // `return` in there does not leave the function.
        fn visit_expr_async_mut(&mut self, _: &mut ExprAsync) {}
        fn visit_expr_closure_mut(&mut self, _: &mut syn::ExprClosure) {}
        fn visit_item_mut(&mut self, _: &mut syn::Item) {}
        // The arguments of a macro are opaque, so `return` is searched as a token.
        fn visit_macro_mut(&mut self, called: &mut syn::Macro) {
            self.0 |= called.tokens.to_string().split_whitespace().any(|word| word == "return");
        }
    }

    let mut search = Search(false);
    for statement in &mut block.stmts {
        visit_mut::visit_stmt_mut(&mut search, statement);
    }
    search.0 || matches!(block.stmts.last(), None | Some(Stmt::Item(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(returned: &str) -> Option<String> {
        let returned = syn::parse_str(returned).unwrap();
        let output = ReturnedFuture::of(&returned)?.output;
        Some(output.map_or_else(String::new, |output| quote!(#output).to_string()))
    }

    #[test]
    fn futures_are_recognised_by_their_return_type() {
        for returned in [
            "impl Future<Output = u8>",
            "impl std::future::Future<Output = u8> + Send + 'a",
            "Pin<Box<dyn Future<Output = u8> + Send + 'async_trait>>",
            "::core::pin::Pin<Box<dyn ::core::future::Future<Output = u8>>>",
            "BoxFuture<'_, u8>",
        ] {
            assert_eq!(output(returned).as_deref(), Some("u8"), "{returned}");
        }
        for returned in ["u8", "impl Iterator<Item = u8>", "Pin<Box<u8>>", "Box<dyn Future>"] {
            assert_eq!(output(returned), None, "{returned}");
        }
    }

    #[test]
    fn a_boxed_future_is_static_unless_its_type_has_a_lifetime() {
        for (returned, expected) in [
            ("Pin<Box<dyn Future<Output = u8> + Send>>", true),
            ("Pin<Box<dyn Future<Output = u8> + 'static>>", true),
            ("BoxFuture<'static, u8>", true),
            ("impl Future<Output = u8> + 'static", true),
            ("Pin<Box<dyn Future<Output = u8> + '_>>", false),
            ("BoxFuture<'_, u8>", false),
            ("impl Future<Output = u8>", false),
        ] {
            let future = ReturnedFuture::of(&syn::parse_str(returned).unwrap()).unwrap();
            assert_eq!(future.is_static(), expected, "{returned}");
        }
    }

    #[test]
    fn an_early_return_is_seen_where_it_leaves_the_function() {
        for (block, early) in [
            ("{ if x { return y; } async {} }", true),
            ("{ let x = y?; async {} }", true),
            ("{ bail!(return y); async {} }", true),
            ("{ async { return y; } }", false),
            ("{ let f = || return 1; async {} }", false),
        ] {
            let mut parsed = syn::parse_str(block).unwrap();
            assert_eq!(returns_early(&mut parsed), early, "{block}");
        }
    }
}
