//! Procedural macros of `raaf-trace-core`; use them through that crate.
//!
//! | macro | purpose |
//! | --- | --- |
//! | [`macro@traced`] | traces every call of a method or function |
//! | [`traced_block!`] | traces a closure or an async block |
//! | [`macro@Traceable`] | implements `Traceable` for a struct |
//! | [`macro@ErrorType`] | classifies an error for `error.type` |
//!
//! The macros use the type of the traced code's result: an `Err` sets the status of the span to
//! error, other values set it to ok.

mod attribute;
mod block;
mod call;
mod derive;
mod error_type;
mod hint;
mod metadata;

use proc_macro::TokenStream;

/// Traces every call of a method or function in a span.
///
/// Supports sync and `async` methods, also inside an `#[async_trait] impl`, and methods that return
/// `impl Future` or `Pin<Box<dyn Future>>`. The span of a future starts at its first poll; a future
/// that is never polled creates none. The signature is unchanged.
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
/// | `"search"`, `name = "search"` | name of the method; by default, the function's |
/// | `tool = "indexer"` | the function's own component of kind `tool`; also `agent`, `pipeline`, `runner` |
/// | `component = "Indexer"` | the function's own component, whose kind follows from its name, or from the option `kind = "processor"` |
/// | `component = expr` | traced value instead of `self` |
/// | `with(…)` | attributes, see [Metadata](#metadata) |
/// | `content(…)` | attributes with content (prompts, arguments), left out where sensitive data is |
/// | `result = hook` | closure or function of the returned value (the `Ok` of a `Result`) and `&mut Attributes` |
/// | `parent = expr` | parent of the span; by default, chosen by the context |
/// | `skip_if = expr` | creates no span if `true` |
/// | `new` | creates a new span, even where the enclosing one would be reused |
/// | `reuse` | reuses the innermost active span if it belongs to this component |
/// | `stream` | ends the span with the returned stream or iterator, see [Streams and iterators](#streams-and-iterators); `stream = false` disables the warning |
/// | `crate = path` | path of `raaf_trace_core` |
///
/// # Free functions
///
/// A function without `self` needs a component. `#[traced(tool = "indexer")]` creates one that all
/// its calls share:
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
/// A function that returns a stream or an iterator has produced no items when it returns. With
/// `stream` its span starts at the call and ends with the stream. Each poll runs inside the span,
/// and `stream.items` counts the items. An `Err` item adds an `exception` event, and sets the
/// status to error if it is the last one. A stream that is dropped early ends its span as
/// cancelled. The option supports functions, `async` or not, that return `impl Stream`, `impl
/// Iterator`, a boxed form of these, an alias of a boxed stream, or a `Result` of one. Without it,
/// the compiler warns if the returned value is a stream or an iterator, also behind an alias or of a
/// named type such as `std::vec::IntoIter`.
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
/// | entry | attribute |
/// | --- | --- |
/// | `query` | key `query`, value of the variable |
/// | `limit = expr` | key `limit`, value of the expression |
/// | `"llm.tokens" = expr` | key `llm.tokens`, value of the expression |
/// | `note = %expr` | value formatted with `Display` |
/// | `data = ?expr` | value formatted with `Debug` |
///
/// Variables and fields are borrowed. Nothing is evaluated if no span can result. A `&mut self`
/// method may read `self` here, but not in its `result` hook.
///
/// # Futures
///
/// A method that returns a future, without being `async`, should end in an `async` block: that
/// block is traced, and the statements before it run when the method is called. The block then
/// borrows the component. A future that is declared as `'static`, as each `Pin<Box<dyn Future>>`
/// without `+ '_` is, owns a clone of a borrowed `self` instead, made at the call; the type then
/// implements `Clone`. To clone only the component, write `component = component` and clone it in
/// the statements before the block.
#[proc_macro_attribute]
pub fn traced(options: TokenStream, item: TokenStream) -> TokenStream {
    attribute::expand(options.into(), &item.into()).into()
}

/// Traces a closure that runs at once, or an async block, in a span.
///
/// ```ignore
/// let valid = traced_block!(self, "validation", data_size = data.len(), || validate(data));
/// let page = traced_block!(self, "fetch", url, async move { fetch(url).await }).await?;
/// let sum = traced_block!(self.traced("sum").parent(&pipeline), || 1 + 1);
/// ```
///
/// | argument, in order | meaning |
/// | --- | --- |
/// | `component, "method"` | traced value and name of the method |
/// | or `call` | a prepared call, such as `self.traced("sum")` |
/// | `new` or `reuse` | optional, as in [`macro@traced`] |
/// | `limit = expr`, … | optional attributes, as in `with(…)` of [`macro@traced`] |
/// | `content(…)` | optional attributes with content, left out where sensitive data is |
/// | `\|\| …` or `async { … }` | the traced code, without parameters |
///
/// A closure's value is returned unchanged. An async block becomes a future, whose span starts at
/// its first poll; the arguments before the block capture variables as if they were inside it.
#[proc_macro]
pub fn traced_block(input: TokenStream) -> TokenStream {
    block::expand(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Implements `Traceable` for a struct with a `Component` field.
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
/// | option of a field | meaning |
/// | --- | --- |
/// | `#[trace(component)]` | the component; required if the type is not called `Component` |
/// | `#[trace]` | an attribute of each span, with the field's name as key |
/// | `#[trace("key")]` | an attribute of each span, with that key |
/// | `#[trace(content = "key")]` | an attribute with content, left out where sensitive data is |
///
/// | option of the struct | meaning |
/// | --- | --- |
/// | `#[trace(new)]` | a constructor `new(…)` with the struct's visibility, which takes the other fields in order and creates the component |
/// | `#[trace(new, kind = "tool")]` | kind of that component; by default, it follows from the name |
/// | `#[trace(new, name = "Search")]` | name of that component; by default, the struct's |
/// | `#[trace(attributes = path)]` | `fn(&Self, &mut Attributes)`, adds attributes after those of the fields |
/// | `#[trace(should_create = path)]` | `fn(&Self, &CallInfo<'_>) -> bool`, decides about each span |
/// | `#[trace(crate = path)]` | path of `raaf_trace_core` |
#[proc_macro_derive(Traceable, attributes(trace))]
pub fn derive_traceable(input: TokenStream) -> TokenStream {
    derive::expand(&syn::parse_macro_input!(input)).into()
}

/// Implements `ErrorType` for an error: classifies it for the attribute `error.type`.
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
/// | option of a variant or a struct | `error.type` |
/// | --- | --- |
/// | none | its name: `ModelError::Malformed` |
/// | `#[error_type("rate_limited")]` | that string |
/// | `#[error_type(transparent)]` | that of the error in its only field, which implements `ErrorType` as well |
///
/// `#[error_type(crate = path)]` on the type sets the path of `raaf_trace_core`.
#[proc_macro_derive(ErrorType, attributes(error_type))]
pub fn derive_error_type(input: TokenStream) -> TokenStream {
    error_type::expand(&syn::parse_macro_input!(input)).into()
}
