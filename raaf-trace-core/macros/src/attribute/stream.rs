//! Functions that return a stream or an iterator.

use syn::{Error, Result, Type, TypeParamBound, punctuated::Punctuated, token::Plus};

use super::async_fn::{argument_of, last_segment, type_argument};
use crate::call::nameable;

/// A return type that is a stream or an iterator, or a `Result` of one.
pub(crate) struct Streamed {
    /// The whole type, with `impl Trait` left to inference.
    pub(crate) output: Type,
    /// `true` if the type is a `Result` of it.
    pub(crate) fallible: bool,
    /// Wrapper: `TracedStream` or `TracedIter`.
    pub(crate) wrapper: &'static str,
    pub(crate) boxed: Boxed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Boxed {
    No,
    Box,
    Pin,
}

const STREAM: &str = "TracedStream";
const ITER: &str = "TracedIter";

/// Types that are no aliases, whose values a wrapper cannot replace.
const NAMED: [&str; 7] =
    ["IntoIter", "Iter", "IterMut", "ReceiverStream", "UnboundedReceiverStream", "Vec", "String"];

impl Streamed {
    /// Recognises `impl Stream`, `impl Iterator`, their boxed forms, the aliases of the `futures`
    /// crate, and a `Result` of any of these.
    pub(super) fn of(output: &Type) -> Option<Self> {
        let ok = Self::in_result(output);
        let (wrapper, boxed) = Self::form(ok.unwrap_or(output))?;
        Some(Self { output: nameable(output), fallible: ok.is_some(), wrapper, boxed })
    }

    /// Accepts an opaque return type, which is usually an alias of a boxed stream.
    pub(super) fn behind_alias(output: &Type) -> Result<Self> {
        let ok = Self::in_result(output);
        let is_named =
            |ty| last_segment(ty).is_some_and(|last| NAMED.iter().any(|n| last.ident == n));
        if !matches!(ok.unwrap_or(output), Type::Path(_)) || is_named(ok.unwrap_or(output)) {
            return Err(Error::new_spanned(
                output,
                "`stream` requires a return type that is a stream or an iterator; expected \
                 `impl Stream`, `Pin<Box<dyn Stream>>`, `impl Iterator`, `Box<dyn Iterator>`, or a \
                 `Result` of one",
            ));
        }
        let fallible = ok.is_some();
        Ok(Self { output: nameable(output), fallible, wrapper: STREAM, boxed: Boxed::Pin })
    }

    fn in_result(output: &Type) -> Option<&Type> {
        let segment = last_segment(output)?;
        type_argument(segment).filter(|_| segment.ident.to_string().ends_with("Result"))
    }

    fn form(ty: &Type) -> Option<(&'static str, Boxed)> {
        match ty {
            Type::ImplTrait(opaque) => Some((wrapper(&opaque.bounds)?, Boxed::No)),
            Type::Path(path) => {
                let segment = path.path.segments.last()?;
                if segment.ident == "BoxStream" || segment.ident == "LocalBoxStream" {
                    return Some((STREAM, Boxed::Pin));
                }
                let (owner, boxed) = match argument_of(segment, "Pin") {
                    Some(pinned) => (last_segment(pinned)?, Boxed::Pin),
                    None => (segment, Boxed::Box),
                };
                match argument_of(owner, "Box")? {
                    Type::TraitObject(object) => Some((wrapper(&object.bounds)?, boxed)),
                    _ => None,
                }
            }
            Type::Group(inner) => Self::form(&inner.elem),
            Type::Paren(inner) => Self::form(&inner.elem),
            _ => None,
        }
    }
}

fn wrapper(bounds: &Punctuated<TypeParamBound, Plus>) -> Option<&'static str> {
    bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        match bound.path.segments.last()?.ident.to_string().as_str() {
            "Stream" | "FusedStream" => Some(STREAM),
            "Iterator" | "DoubleEndedIterator" | "ExactSizeIterator" | "FusedIterator" => {
                Some(ITER)
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(output: &str) -> Option<(bool, &'static str, Boxed)> {
        let streamed = Streamed::of(&syn::parse_str(output).unwrap())?;
        Some((streamed.fallible, streamed.wrapper, streamed.boxed))
    }

    #[test]
    fn streams_and_iterators_are_recognised_by_their_return_type() {
        for (output, expected) in [
            ("impl Stream<Item = u8> + Send + 'a", (false, STREAM, Boxed::No)),
            ("impl futures::Stream<Item = u8>", (false, STREAM, Boxed::No)),
            ("BoxStream<'_, u8>", (false, STREAM, Boxed::Pin)),
            ("Pin<Box<dyn Stream<Item = u8> + Send>>", (false, STREAM, Boxed::Pin)),
            ("Box<dyn Stream<Item = u8> + Unpin>", (false, STREAM, Boxed::Box)),
            ("impl Send + DoubleEndedIterator<Item = u8>", (false, ITER, Boxed::No)),
            ("Box<dyn Iterator<Item = u8> + '_>", (false, ITER, Boxed::Box)),
            ("Result<impl Stream<Item = u8>, E>", (true, STREAM, Boxed::No)),
            ("io::Result<Box<dyn Iterator<Item = u8>>>", (true, ITER, Boxed::Box)),
        ] {
            assert_eq!(form(output), Some(expected), "{output}");
        }
        for output in
            ["u8", "Vec<u8>", "Box<u8>", "Pin<Box<dyn Future>>", "Option<BoxStream<'_, u8>>"]
        {
            assert_eq!(form(output), None, "{output}");
        }
    }

    #[test]
    fn an_alias_is_taken_for_a_boxed_stream() {
        let alias = |output: &str| Streamed::behind_alias(&syn::parse_str(output).unwrap());
        assert!(alias("Tokens").is_ok_and(|streamed| !streamed.fallible));
        assert!(alias("Result<Tokens, E>").is_ok_and(|streamed| streamed.fallible));
        assert!(alias("&str").is_err());
        assert!(alias("std::vec::IntoIter<u8>").is_err());
    }
}
