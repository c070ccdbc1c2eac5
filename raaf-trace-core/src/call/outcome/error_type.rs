//! Classification of errors for `error.type`.

use std::{
    any::type_name,
    borrow::Cow,
    error::Error,
    fmt::{self, Write as _},
    io, iter,
};

use super::report::{MAX_SOURCES, guarded, short_type_name};

/// An error that classifies itself: the `error.type` of its spans.
///
/// Spans are counted and alerted on by this value, so it needs few distinct values without user,
/// model or server data: `rate_limited`, not `rate limited until 12:30`. It is recorded even where
/// content is left out.
///
/// Errors need not implement this trait. By default, an enum is classified by type and variant
/// (`ModelError::RateLimited`), another error by its type, a boxed or `anyhow` error by the
/// innermost error of a known type. Derive it, with `#[derive(ErrorType)]`, to choose the values.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{ErrorType, call::ErrorReport};
///
/// #[derive(Debug, thiserror::Error, ErrorType)]
/// enum ModelError {
///     #[error("too many requests, retry in {0} s")]
///     #[error_type("rate_limited")]
///     RateLimited(u32),
///     #[error(transparent)]
///     #[error_type(transparent)]
///     Tool(#[from] ToolError),
///     #[error("the answer is malformed")]
///     Malformed, // classified as `ModelError::Malformed`
/// }
///
/// #[derive(Debug, thiserror::Error, ErrorType)]
/// #[error("the tool failed")]
/// #[error_type("tool_failed")]
/// struct ToolError;
///
/// assert_eq!(ErrorReport::of(&ModelError::RateLimited(3)).type_name, "rate_limited");
/// assert_eq!(ErrorReport::of(&ModelError::Tool(ToolError)).type_name, "tool_failed");
///
/// // Also in a box: the derive registers the type.
/// let boxed: Box<dyn std::error::Error> = ModelError::RateLimited(3).into();
/// assert_eq!(ErrorReport::from_error(&*boxed).type_name, "rate_limited");
/// ```
pub trait ErrorType: Error {
    /// Returns the class of the error: a string of low cardinality.
    fn error_type(&self) -> Cow<'static, str>;

    /// Returns whether the error is no failure: the work has paused, and goes on later, such as after a
    /// person's approval. False by default.
    ///
    /// A call that ends with such an error, or with one that has it as a source, has no status, no
    /// `error.type` and no `exception` event. It has the attribute `paused`.
    fn is_pause(&self) -> bool {
        false
    }
}

/// Registration of an [`ErrorType`], so that errors of its type are also classified where the type
/// is erased: in a box, in `anyhow::Error`, as the source of another error, and in the closure
/// forms.
///
/// The derive registers types without generic parameters. Manually:
///
/// ```
/// use std::{borrow::Cow, fmt};
/// use raaf_trace_core::{ErrorType, call::KnownErrorType};
///
/// #[derive(Debug)]
/// struct Status(u16);
///
/// impl fmt::Display for Status {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         write!(f, "the server answered {}", self.0)
///     }
/// }
/// impl std::error::Error for Status {}
///
/// impl ErrorType for Status {
///     fn error_type(&self) -> Cow<'static, str> {
///         self.0.to_string().into()
///     }
/// }
///
/// raaf_trace_core::submit! { KnownErrorType::new::<Status>() }
/// ```
#[derive(Debug)]
pub struct KnownErrorType {
    ask: fn(&(dyn Error + 'static)) -> Option<String>,
    pauses: fn(&(dyn Error + 'static)) -> bool,
}

inventory::collect!(KnownErrorType);

impl KnownErrorType {
    /// Creates a registration of `E` for [`submit!`](crate::submit).
    pub const fn new<E: ErrorType + 'static>() -> Self {
        Self {
            ask: |error| error.downcast_ref::<E>().and_then(said),
            pauses: |error| error.downcast_ref::<E>().is_some_and(pauses),
        }
    }
}

/// Returns the classification by the error itself.
pub(super) fn said<E: ErrorType>(error: &E) -> Option<String> {
    guarded(|| error.error_type()).map(String::from).filter(|word| !word.is_empty())
}

/// Returns whether the error itself says that it is a pause.
pub(super) fn pauses<E: ErrorType>(error: &E) -> bool {
    guarded(|| error.is_pause()).unwrap_or(false)
}

/// Returns whether one of a chain of errors says that it is a pause.
pub(super) fn any_pauses(error: &(dyn Error + 'static)) -> bool {
    let known = || inventory::iter::<KnownErrorType>.into_iter();
    chain(error).any(|error| known().any(|known| (known.pauses)(error)))
}

/// Returns the name of an error of a known type, with this message: the type's name, with an enum's
/// variant.
pub(super) fn typed<E: fmt::Debug>(error: &E, message: &dyn fmt::Display) -> String {
    let full = pointee(type_name::<E>());
    let debug = leading_path(error, message);
    if full.starts_with("dyn ") {
        return debug.filter(|path| path != "Error").unwrap_or_else(of::<E>);
    }
    let base = full.split('<').next().unwrap_or(full);
    let base = base.rsplit("::").next().unwrap_or(base);
    let variant = debug.and_then(|path| {
        let path = path.strip_prefix(base).map_or(&*path, |rest| rest.trim_start_matches("::"));
        (!path.is_empty() && !path.contains("::")).then(|| path.to_owned())
    });
    match variant {
        Some(variant) => format!("{}::{variant}", short_type_name(full)),
        // A reference to `str` is named `&str`, not `str`.
        None if !full.contains("::") => of::<E>(),
        None => short_type_name(full),
    }
}

/// Returns the name of the type alone.
pub(super) fn of<E: ?Sized>() -> String {
    short_type_name(type_name::<E>())
}

/// Returns the name of an error that is known by its type, not by its `Debug` form.
pub(super) fn known(error: &(dyn Error + 'static)) -> Option<String> {
    registered(error).or_else(|| of_std(error))
}

fn registered(error: &(dyn Error + 'static)) -> Option<String> {
    inventory::iter::<KnownErrorType>.into_iter().find_map(|known| (known.ask)(error))
}

/// Returns the name of a standard library error called just `Error`.
fn of_std(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        Some(of_io(error))
    } else if error.is::<serde_json::Error>() {
        Some(of::<serde_json::Error>())
    } else {
        error.is::<fmt::Error>().then(of::<fmt::Error>)
    }
}

/// Returns the name of an I/O error by its kind.
pub(super) fn of_io(error: &io::Error) -> String {
    format!("{}::{:?}", of::<io::Error>(), error.kind())
}

/// Returns the name of an error whose type is erased: the classification of the outermost error of
/// the chain that has one, otherwise the name of the innermost that has one.
pub(super) fn erased(error: &(dyn Error + 'static)) -> Option<String> {
    let told = |error: &(dyn Error + 'static)| {
        of_std(error).or_else(|| leading_path(error, &error).filter(|path| path != "Error"))
    };
    let chain: Vec<_> = chain(error).collect();
    let said = chain.iter().find_map(|error| registered(*error));
    said.or_else(|| chain.iter().rev().find_map(|error| told(*error)))
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let source = |error: &&'a (dyn Error + 'static)| {
        let error = *error;
        guarded(|| error.source()).flatten()
    };
    iter::successors(Some(error), source).take(MAX_SOURCES)
}

/// Returns the type behind references and smart pointers, which format as their target.
fn pointee(mut full: &str) -> &str {
    loop {
        let inner = full.strip_prefix('&').or_else(|| {
            let pointers = ["alloc::boxed::Box<", "alloc::sync::Arc<", "alloc::rc::Rc<"];
            pointers.iter().find_map(|pointer| full.strip_prefix(pointer))?.strip_suffix('>')
        });
        match inner {
            Some(inner) => full = inner,
            None => return full,
        }
    }
}

/// Maximum length of a path.
const LONGEST: usize = 80;

/// Returns the path at the start of a derived `Debug` form: the name of a struct or a variant.
/// `None` where it starts with anything else, such as a message.
///
/// A `Debug` form written by hand can be a message that looks like a name, which a user may have
/// written. A derived form breaks the line after its bracket if asked to (`{:#?}`). Where there is no
/// bracket, a value of a few bytes holds no text; of any other, the name must not be part of its
/// message. An `anyhow::Error` that was boxed shows its error's own form only if asked to.
fn leading_path<E>(error: &E, message: &dyn fmt::Display) -> Option<String>
where
    E: fmt::Debug + ?Sized,
{
    let short = start_of(format_args!("{error:?}"))?;
    let long = || start_of(format_args!("{error:#?}"));
    let Some((path, rest)) = path_and_rest(&short) else {
        let long = long()?;
        let (path, _) = path_and_rest(&long)?;
        return (!quotes(message, path)).then(|| path.to_owned());
    };
    let is_derived = !breaks(rest) && long().is_some_and(|long| breaks(split_path(&long).1));
    let is_safe = || size_of_val(error) < size_of::<&str>() / 2 || !quotes(message, path);
    (is_derived || is_safe()).then(|| path.to_owned())
}

/// Splits the start of a `Debug` form after its name, if it begins with one.
fn path_and_rest(start: &str) -> Option<(&str, &str)> {
    let (path, rest) = split_path(start);
    let is_whole = rest.is_empty() || rest.starts_with(['(', '{']) || rest.starts_with(" {");
    let is_name = |word: &str| word.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let last = path.rsplit("::").next().unwrap_or(path);
    let is_path = is_whole
        && path.len() <= LONGEST
        && path.split("::").all(is_name)
        && last.starts_with(char::is_uppercase);
    is_path.then_some((path, rest))
}

/// Returns whether a line ends after the bracket.
fn breaks(rest: &str) -> bool {
    rest.trim_start_matches([' ', '(', '{']).starts_with('\n')
}

fn split_path(start: &str) -> (&str, &str) {
    start.split_at(start.find(|c| !is_path_char(c)).unwrap_or(start.len()))
}

/// Returns as much of the text as the end of a path at its start requires.
fn start_of(text: fmt::Arguments<'_>) -> Option<String> {
    struct Start(String);

    impl fmt::Write for Start {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.push_str(text.get(..LONGEST).unwrap_or(text));
            let ended = self.0.find(|c| !is_path_char(c)).is_some_and(|end| self.0.len() > end + 2);
            if ended || self.0.len() > LONGEST { Err(fmt::Error) } else { Ok(()) }
        }
    }

    guarded(|| {
        let mut start = Start(String::new());
        let _ = start.write_fmt(text);
        start.0
    })
}

/// Returns whether the message has this name in it; a message that panics may have.
fn quotes(message: &dyn fmt::Display, name: &str) -> bool {
    guarded(|| message.to_string().contains(name)).unwrap_or(true)
}

fn is_path_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ':')
}

#[cfg(test)]
mod tests {
    use std::num::ParseIntError;

    use super::*;

    /// Formats as exactly this string.
    struct Shown(&'static str);

    impl fmt::Debug for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.chars().try_for_each(|c| f.write_char(c))
        }
    }

    #[test]
    fn only_names_are_read_from_a_debug_form() {
        for (shown, path) in [
            ("RateLimited { after: 3 }", Some("RateLimited")),
            ("Timeout(3)", Some("Timeout")),
            ("Malformed", Some("Malformed")),
            ("reqwest::Error { kind: Request }", Some("reqwest::Error")),
            ("JoinError::Panic(Id(1), ..)", Some("JoinError::Panic")),
            ("Connection refused (os error 111)", None),
            ("Timeout: after 5 s", None),
            ("\"too small\"", None),
            ("failed", None),
            ("", None),
            ("404", None),
        ] {
            assert_eq!(leading_path(&Shown(shown), &"").as_deref(), path, "{shown}");
        }
        let long = "X".repeat(5_000).leak();
        assert_eq!(leading_path(&Shown(long), &""), None);
    }

    #[test]
    fn a_message_that_looks_like_a_name_is_none() {
        #[derive(Debug)]
        struct Rejected(#[expect(dead_code, reason = "only formatted")] &'static str);

        #[derive(Debug)]
        enum Few {
            Timeout,
        }

        let named = |shown| leading_path(&Shown(shown), &shown);
        for message in ["Alice", "Alice(3)", "Alice { age: 3 }", "Alice(\n", "Alice {\n"] {
            assert_eq!(named(message), None, "{message}");
        }
        // Derived forms keep their names, whatever the message.
        let name = leading_path(&Rejected("Alice"), &"Rejected: Alice");
        assert_eq!(name.as_deref(), Some("Rejected"));
        assert_eq!(leading_path(&Few::Timeout, &"Timeout").as_deref(), Some("Timeout"));
    }

    #[test]
    fn no_more_is_formatted_than_the_name() {
        struct Endless;

        impl fmt::Debug for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("Endless")?;
                (0..u64::MAX).try_for_each(|_| f.write_str(" {"))
            }
        }
        assert_eq!(leading_path(&Endless, &"").as_deref(), Some("Endless"));
    }

    #[test]
    fn a_type_is_told_with_its_variant() {
        #[derive(Debug)]
        enum Failure {
            Quota,
            Other { _code: u8 },
        }
        #[derive(Debug)]
        struct Plain;

        let name = |error: &Failure| typed(error, &"");
        assert_eq!(name(&Failure::Quota), "Failure::Quota");
        assert_eq!(name(&Failure::Other { _code: 1 }), "Failure::Other");
        assert_eq!(typed(&Plain, &""), "Plain");
        assert_eq!(typed(&std::sync::Arc::new(Box::new(Plain)), &""), "Plain");
        assert_eq!(typed(&&Box::new(Failure::Quota), &""), "Failure::Quota");
        let number: Result<u8, ParseIntError> = "x".parse();
        assert_eq!(number.map_err(|error| typed(&error, &error)).err().unwrap(), "ParseIntError");
    }
}
