//! What the examples share: nothing but this page. See the files beside it.

/// The code in the guides is compiled and run, so that it stays true.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../README.md")]
    struct Readme;

    #[doc = include_str!("../docs/guide.md")]
    struct Guide;

    #[doc = include_str!("../docs/sinks.md")]
    struct Sinks;

    #[doc = include_str!("../docs/testing.md")]
    struct Testing;

    #[doc = include_str!("../CONTRIBUTING.md")]
    struct Contributing;
}
