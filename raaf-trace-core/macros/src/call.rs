//! Code around a traced body: opens the call before it, and closes it after.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Block, Expr, Path, Type, spanned::Spanned as _, visit_mut::VisitMut};

use crate::{
    attribute::{Boxed, Streamed},
    metadata::Entry,
};

/// Returns a span at the user's code with names invisible to that code, which lints treat as
/// generated.
pub(crate) fn at(location: Span) -> Span {
    Span::mixed_site().located_at(location)
}

/// Returns the path, shown in errors at `location`, with unchanged resolution.
pub(crate) fn located(path: &Path, location: Span) -> TokenStream {
    let relocate = |mut token: TokenTree| {
        token.set_span(token.span().located_at(location));
        token
    };
    path.to_token_stream().into_iter().map(relocate).collect()
}

fn replace_self(tokens: TokenStream, this: &Ident) -> TokenStream {
    let replace = |token| match token {
        TokenTree::Ident(name) if name == "self" => {
            let mut this = this.clone();
            this.set_span(this.span().located_at(name.span()));
            TokenTree::Ident(this)
        }
        TokenTree::Group(group) => {
            let mut replaced = Group::new(group.delimiter(), replace_self(group.stream(), this));
            replaced.set_span(group.span());
            TokenTree::Group(replaced)
        }
        other => other,
    };
    tokens.into_iter().map(replace).collect()
}

fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// Returns the default path of the crate, without a `crate = …` option.
pub(crate) fn default_crate() -> Path {
    syn::parse_quote!(::raaf_trace_core)
}

/// Parts of a traced call.
pub(crate) struct Plan {
    pub(crate) krate: Path,
    /// Expression that creates the `Call`.
    pub(crate) start: TokenStream,
    /// `true` if the user prepared the `Call`, which may have a result hook.
    pub(crate) prepared: bool,
    /// `true` if the call begins on [`OWNED_SELF`] in place of `self`.
    pub(crate) owns_self: bool,
    pub(crate) entries: Vec<Entry>,
    pub(crate) skip_if: Option<Expr>,
    pub(crate) parent: Option<Expr>,
    /// Option `new` or `reuse`, if any.
    pub(crate) join: Option<Join>,
    pub(crate) result: Option<Expr>,
    /// Stream that the body returns, at whose end the call ends.
    pub(crate) stream: Option<Streamed>,
    /// Warning if the value is a stream or an iterator.
    pub(crate) warning: Option<Warning>,
}

/// Warning that the span ends before the first item of a stream or an iterator.
pub(crate) struct Warning {
    /// Location of the return type.
    pub(crate) at: Span,
    /// `true` if the return type shows a stream or an iterator, which then may be a range.
    pub(crate) is_visible: bool,
}

/// Variable with the clone that a `'static` future keeps in place of `self`.
pub(crate) const OWNED_SELF: &str = "__owned_self";

/// Explicit choice between a new span and a reused one.
#[derive(Clone, Copy)]
pub(crate) enum Join {
    New,
    Reuse,
}

pub(crate) const JOIN_TWICE: &str = "`new` and `reuse` exclude each other; keep one of them, once";

impl Join {
    pub(crate) fn of(word: &Ident) -> Option<Self> {
        match word.to_string().as_str() {
            "new" => Some(Self::New),
            "reuse" => Some(Self::Reuse),
            _ => None,
        }
    }
}

/// Form of the traced work.
#[derive(Clone, Copy)]
enum Work {
    Closure,
    Future,
}

impl Plan {
    /// Returns statements that run `closure` inside the call and yield its value.
    pub(crate) fn around_closure(&self, closure: &TokenStream) -> TokenStream {
        let (scope, result) = (local("__scope"), local("__result"));
        let (open, finish) = (self.open(Work::Closure), self.finish(&scope, &result));
        let entered = self.entered(&scope);
        quote_spanned! {Span::mixed_site()=>
            let #entered = #open;
            let #result = #scope.run(#closure);
            #finish
        }
    }

    /// Returns statements that await `future` inside the call and yield its output.
    pub(crate) fn around_future(&self, future: &TokenStream) -> TokenStream {
        let (scope, result) = (local("__scope"), local("__result"));
        let (open, finish) = (self.open(Work::Future), self.finish(&scope, &result));
        let entered = self.entered(&scope);
        quote_spanned! {Span::mixed_site()=>
            let #entered = #open;
            let #result = #scope.run_async(#future).await;
            #finish
        }
    }

    /// Returns the statements of [`around_closure`](Self::around_closure) for a closure that never
    /// returns.
    pub(crate) fn around_endless_closure(&self, closure: &TokenStream) -> TokenStream {
        let open = self.open(Work::Closure);
        quote_spanned!(Span::mixed_site()=> match #open.run(#closure) {})
    }

    /// Returns the statements of [`around_future`](Self::around_future) for a future that never
    /// completes.
    pub(crate) fn around_endless_future(&self, future: &TokenStream) -> TokenStream {
        let open = self.open(Work::Future);
        quote_spanned!(Span::mixed_site()=> match #open.run_async(#future).await {})
    }

    /// Returns the pattern for the result of [`open`](Self::open): the scope, and the hook of a
    /// prepared call.
    fn entered(&self, scope: &Ident) -> TokenStream {
        if self.prepared {
            let hook = local("__hook");
            quote_spanned!(Span::mixed_site()=> (mut #scope, #hook))
        } else {
            quote_spanned!(Span::mixed_site()=> mut #scope)
        }
    }

    /// Returns an expression that creates the call, adds its metadata and enters it.
    ///
    /// Metadata is evaluated only while the call may still become a span.
    fn open(&self, work: Work) -> TokenStream {
        let open = self.open_on_self(work);
        if !self.owns_self {
            return open;
        }
        let (owned, this) = (local(OWNED_SELF), local("__this"));
        let open = replace_self(open, &this);
        quote_spanned!(Span::mixed_site()=> { let #this = &#owned; #open })
    }

    fn open_on_self(&self, work: Work) -> TokenStream {
        let call = local("__call");
        let start = &self.start;
        // The scope of a stream goes where the stream goes.
        let is_local = matches!(work, Work::Closure) && self.stream.is_none();
        let enter = match (is_local, self.prepared) {
            (true, true) => quote!(enter_local_with_hook),
            (true, false) => quote!(enter_local),
            (false, true) => quote!(enter_with_hook),
            (false, false) => quote!(enter),
        };
        let skip = self.skip_if.as_ref().map(|condition| {
            let span = at(condition.span());
            quote_spanned! {span=> if #call.is_enabled() { #call = #call.skip_if(#condition); } }
        });
        let parent = self.parent.as_ref().map(|parent| {
            let span = at(parent.span());
            quote_spanned!(span=> #call = #call.parent(#parent);)
        });
        let join = self.join.map(|join| match join {
            Join::New => quote!(#call = #call.fresh();),
            Join::Reuse => quote!(#call = #call.reuse();),
        });
        let entries: Vec<_> = self.entries.iter().map(|entry| entry.statement(&call)).collect();
        let described = (parent.is_some() || join.is_some() || !entries.is_empty())
            .then(|| quote!(if #call.is_enabled() { #parent #join #(#entries)* }));
        if skip.is_none() && described.is_none() {
            return quote_spanned!(Span::mixed_site()=> #start.#enter());
        }
        quote_spanned! {Span::mixed_site()=> {
            let mut #call = #start;
            #skip
            #described
            #call.#enter()
        }}
    }

    /// Returns the code after the body, which yields the function's result.
    fn finish(&self, scope: &Ident, result: &Ident) -> TokenStream {
        if let Some(streamed) = &self.stream {
            return self.wrap(streamed, scope, result);
        }
        let close = self.close(scope, result);
        let warning = self.warning.as_ref().map(|warning| {
            let krate = &self.krate;
            let warn = Ident::new("span_ends_before_the_first_item", at(warning.at));
            let except = (!warning.is_visible)
                .then(|| quote!(use #krate::__private::lazy::except_ranges::*;));
            quote_spanned! {Span::mixed_site()=> {
                use #krate::__private::lazy::*;
                #except
                (&&&&&&Returned(&#result)).#warn();
            }}
        });
        quote_spanned!(Span::mixed_site()=> #close #warning #result)
    }

    /// Returns the code that passes the call to the returned stream.
    fn wrap(&self, streamed: &Streamed, scope: &Ident, result: &Ident) -> TokenStream {
        let Streamed { output, fallible, wrapper, boxed } = streamed;
        let krate = &self.krate;
        let (stream, item, error) = (local("__stream"), local("__item"), local("__error"));
        let (traced, failed) = (local("__traced"), local("__failed"));
        let ty = local(wrapper);
        let traced_from = |stream: &Ident| {
            let wrapped = quote_spanned! {Span::mixed_site()=>
                #krate::call::#ty::new(#scope, #stream, |#item| {
                    use #krate::__private::probe::*;
                    (&&&&&&&&&&&Probe(#item)).outcome().into_error()
                })
            };
            match boxed {
                Boxed::No => wrapped,
                Boxed::Box => quote!(::std::boxed::Box::new(#wrapped)),
                Boxed::Pin => quote!(::std::boxed::Box::pin(#wrapped)),
            }
        };
        if !fallible {
            let wrapped = traced_from(result);
            return quote_spanned! {Span::mixed_site()=>
                let #traced: #output = #wrapped;
                #traced
            };
        }
        let wrapped = traced_from(&stream);
        quote_spanned! {Span::mixed_site()=>
            let #failed = if #result.is_err() && #scope.is_recording() {
                use #krate::__private::probe::*;
                ::core::option::Option::Some((&&&&&&&&&&&Probe(&#result)).outcome())
            } else {
                ::core::option::Option::None
            };
            let #traced: #output = match #result {
                ::core::result::Result::Ok(#stream) => ::core::result::Result::Ok(#wrapped),
                ::core::result::Result::Err(#error) => {
                    if let ::core::option::Option::Some(#failed) = #failed {
                        #scope.end(#failed);
                    }
                    ::core::result::Result::Err(#error)
                }
            };
            #traced
        }
    }

    /// Returns statements that pass the outcome to the scope. The traits that detect a `Result` are
    /// imported in blocks without user code, to avoid conflicts with it.
    fn close(&self, scope: &Ident, result: &Ident) -> TokenStream {
        let krate = &self.krate;
        let value = local("__value");
        let attributes = local("__attributes");
        let given = local("__hook");
        let call_hook = match &self.result {
            Some(hook) => {
                let span = at(hook.span());
                let krate = located(krate, span);
                Some(quote_spanned! {span=>
                    #krate::__private::probe::result_hook(#value, #attributes, #hook)
                })
            }
            None => self.prepared.then(|| {
                quote_spanned! {Span::mixed_site()=>
                    #krate::__private::look_at(#given, #value, #attributes)
                }
            }),
        };
        let hook = call_hook.map(|call_hook| {
            quote_spanned! {Span::mixed_site()=>
                if #scope.wants_result() {
                    let #value = {
                        use #krate::__private::probe::*;
                        (&&Probe(&#result)).ok_ref()
                    };
                    if let ::core::option::Option::Some(#value) = #value {
                        #scope.result_attributes(|#attributes| #call_hook);
                    }
                }
            }
        });
        quote_spanned! {Span::mixed_site()=>
            #hook
            if #scope.is_recording() {
                #scope.end({
                    use #krate::__private::probe::*;
                    (&&&&&&&&&&&Probe(&#result)).outcome()
                });
            }
        }
    }
}

/// Returns an expression that starts a call of `method` on `component`.
pub(crate) fn begin(
    krate: &Path,
    component: &TokenStream,
    span: Span,
    method: &str,
) -> TokenStream {
    let span = at(span);
    let krate = located(krate, span);
    quote_spanned!(span=> #krate::__private::begin(#component, #method))
}

/// Returns `async move { statements }` whose output is known to be `output` before its statements
/// are checked, like in an `async fn`.
pub(crate) fn typed_async_block(output: &Type, statements: &TokenStream) -> TokenStream {
    let hint = output_hint(output);
    quote_spanned!(Span::mixed_site()=> async move { #hint #statements })
}

/// Returns a statement without effect, whose `return` determines the type of the block.
pub(crate) fn output_hint(output: &Type) -> TokenStream {
    let span = at(output.span());
    let never = Ident::new("__never", span);
    quote_spanned! {span=>
        if let ::core::option::Option::Some(#never) = ::core::option::Option::None::<#output> {
            return #never;
        }
    }
}

/// Returns the type with `_` in place of each `impl Trait`, which cannot be named inside a body.
pub(crate) fn nameable(ty: &Type) -> Type {
    struct Elide;

    impl VisitMut for Elide {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if let Type::ImplTrait(_) = ty {
                *ty = syn::parse_quote!(_);
            } else {
                syn::visit_mut::visit_type_mut(self, ty);
            }
        }
    }

    let mut ty = ty.clone();
    Elide.visit_type_mut(&mut ty);
    ty
}

/// Returns the last expression of a block, which is its value.
pub(crate) fn tail_mut(block: &mut Block) -> Option<&mut Expr> {
    match block.stmts.last_mut() {
        Some(syn::Stmt::Expr(tail, None)) => Some(tail),
        _ => None,
    }
}
