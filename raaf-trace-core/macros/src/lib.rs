//! Procedural macros of `raaf-trace-core`; use them from there.
//!
//! | macro | traces |
//! | --- | --- |
//! | [`macro@traced`] | every call of a method or function |
//! | [`traced_block!`] | a closure or an async block, at once |
//! | [`macro@ErrorType`] | nothing: it says what kind of failure an error is |
//! | [`macro@Traceable`] | nothing by itself: it lets a struct be traced |
//!
//! The macros see the type that the traced code returns, so that a `Result` fails its span and a
//! plain value does not, without being told.

mod attribute;
mod block;
mod call;
mod derive;
mod error_type;
mod metadata;

use proc_macro::TokenStream;

/// Makes one span of every call of a method.
///
/// Goes on sync and `async` methods alike, also inside an `#[async_trait] impl`, and on methods
/// that return `impl Future` or `Pin<Box<dyn Future>>`. Of these the call is decided at the first
/// poll, and a future that is never polled makes no span. The signature stays as it is.
///
/// ```ignore
/// use raaf_trace_core::{Component, Traceable, traced};
///
/// #[derive(Traceable)]
/// struct SearchTool {
///     component: Component,
/// }
///
/// impl SearchTool {
///     #[traced(with(query, limit = limit), result = |hits, a| a.set("result.count", hits.len()))]
///     async fn search(&self, query: &str, limit: usize) -> Result<Vec<String>, SearchError> {
///         self.index.find(query, limit).await
///     }
/// }
/// ```
///
/// # Options
///
/// | option | meaning |
/// | --- | --- |
/// | `"search"`, `name = "search"` | the method's name; otherwise the function's |
/// | `tool = "indexer"` | a component of the function's own, of kind `tool`; `agent`, `pipeline` and `runner` likewise |
/// | `component = "Indexer"` | one whose kind follows from its name, or from `kind = "processor"` beside it |
/// | `component = expr` | what is traced instead of `self`: a value that is there already |
/// | `with(…)` | metadata, see below |
/// | `content(…)` | metadata that is left out when sensitive data is: prompts, arguments |
/// | `result = hook` | called with the returned value (the `Ok` of a `Result`) and `&mut Attributes` |
/// | `parent = expr` | the parent, instead of the one the rules find |
/// | `skip_if = expr` | `true`: no span for this call |
/// | `new` | a span of its own for every call, also where it would be one with the call around it |
/// | `reuse` | the innermost active span is used if it is this component's |
/// | `stream` | the span lasts until the returned stream or iterator ends, see below; `stream = false` says that it need not |
/// | `crate = path` | where `raaf_trace_core` is found |
///
/// # Free functions
///
/// A function without `self` has to say what is traced. `#[traced(tool = "indexer")]` makes a
/// component that all its calls share:
///
/// ```ignore
/// #[traced(tool = "indexer", with(path))]
/// fn index(path: &str) -> std::io::Result<usize> {
///     Ok(std::fs::read_to_string(path)?.lines().count())
/// }
/// ```
///
/// # Streams and iterators
///
/// A function that returns a stream or an iterator has done nothing yet when it returns. With
/// `stream` its span starts at the call and ends with the stream: what runs at each poll is inside,
/// `stream.items` counts the items, an `Err` among them adds an `exception` event and fails the span
/// if it was the last, and a stream that is dropped early ends its span as cancelled. It goes on
/// functions, `async` or not, that return `impl Stream`, `impl Iterator`, a boxed form of these, an
/// alias of a boxed stream, or a `Result` of one. Without it, the compiler warns where the return
/// type shows a stream or an iterator.
///
/// ```ignore
/// #[traced(stream, with(prompt))]
/// fn complete(&self, prompt: &str) -> impl Stream<Item = Result<String, ModelError>> {
///     self.client.stream(prompt)
/// }
/// ```
///
/// # Metadata
///
/// `query` stands for `query = query`; `limit = expr` and `"llm.tokens" = expr` give a key of their
/// own; `note = %expr` takes the `Display` text and `data = ?expr` the `Debug` text. Variables and
/// fields are borrowed. Nothing is evaluated when no span can come of it. A `&mut self` method may
/// read `self` here, but not in its `result` hook, when the body has it already.
///
/// # Futures
///
/// A method that returns a future, without being `async`, should end in an `async` block: that
/// block is what is traced, and the statements before it run when the method is called. The block
/// then refers to the component. One that must be `'static` needs a component that it can own:
/// `component = component`, a clone made by the statements before it.
#[proc_macro_attribute]
pub fn traced(options: TokenStream, item: TokenStream) -> TokenStream {
    attribute::expand(options.into(), &item.into()).into()
}

/// Makes one span of a closure that runs at once, or of an async block that is awaited.
///
/// ```ignore
/// let valid = traced_block!(self, "validation", data_size = data.len(), || validate(data));
/// let page = traced_block!(self, "fetch", url, async move { fetch(url).await }).await?;
/// let sum = traced_block!(self.traced("sum").parent(&pipeline), || 1 + 1);
/// ```
///
/// The arguments are the component and the method's name, or a call that was prepared; `new` or
/// `reuse` and metadata as in [`macro@traced`], with `content(…)` for what is sensitive; and last the
/// code. A closure's
/// value is returned as it is. An async block makes a future, decided at its first poll; what the
/// arguments before it name is captured as if they stood in the block.
#[proc_macro]
pub fn traced_block(input: TokenStream) -> TokenStream {
    block::expand(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct with a `Component` field traceable.
///
/// ```ignore
/// #[derive(Traceable)]
/// #[trace(attributes = Self::more)]
/// struct Processor {
///     component: Component,
///     #[trace("processor.batch_size")]
///     batch_size: u32,
///     #[trace]
///     strict: bool,
///     #[trace(content = "processor.prompt")]
///     prompt: String,
/// }
/// ```
///
/// | on a field | meaning |
/// | --- | --- |
/// | `#[trace(component)]` | this is the component; needed when the type is not called `Component` |
/// | `#[trace]` | an attribute of each span, named as the field |
/// | `#[trace("key")]` | an attribute of each span |
/// | `#[trace(content = "key")]` | one that is left out when sensitive data is |
///
/// | on the struct | meaning |
/// | --- | --- |
/// | `#[trace(new)]` | a constructor `new(…)`, as visible as the struct: it takes the other fields in order and makes the component |
/// | `#[trace(new, kind = "tool")]` | the kind of that component; otherwise it follows from the name |
/// | `#[trace(new, name = "Search")]` | its name; otherwise the struct's |
/// | `#[trace(attributes = path)]` | `fn(&Self, &mut Attributes)`, called after the fields |
/// | `#[trace(should_create = path)]` | `fn(&Self, &CallInfo<'_>) -> bool`, asked before each span |
/// | `#[trace(crate = path)]` | where `raaf_trace_core` is found |
#[proc_macro_derive(Traceable, attributes(trace))]
pub fn derive_traceable(input: TokenStream) -> TokenStream {
    syn::parse(input)
        .and_then(|input| derive::expand(&input))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes an error say what kind of failure it is: the `error.type` of spans that it ends.
///
/// ```ignore
/// #[derive(Debug, thiserror::Error, ErrorType)]
/// enum ModelError {
///     #[error("too many requests")]
///     #[error_type("rate_limited")]
///     RateLimited,
///     #[error(transparent)]
///     #[error_type(transparent)]
///     Tool(#[from] ToolError),
/// }
/// ```
///
/// | on a variant, or on a struct | told as |
/// | --- | --- |
/// | nothing | its name: `ModelError::Malformed` |
/// | `#[error_type("word")]` | the word |
/// | `#[error_type(transparent)]` | the error in its only field, which is an `ErrorType` too |
///
/// `#[error_type(crate = path)]` on the type says where `raaf_trace_core` is found.
#[proc_macro_derive(ErrorType, attributes(error_type))]
pub fn derive_error_type(input: TokenStream) -> TokenStream {
    syn::parse(input)
        .and_then(|input| error_type::expand(&input))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
