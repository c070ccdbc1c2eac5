use super::*;

#[derive(Debug)]
struct Chained(&'static str, Option<Box<Chained>>);

impl fmt::Display for Chained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Chained {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

#[derive(Debug)]
struct Endless;

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("again")
    }
}

impl Error for Endless {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&Endless)
    }
}

#[derive(Debug)]
struct Panics;

impl fmt::Display for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no text")
    }
}

impl Error for Panics {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        panic!("no source")
    }
}

struct Fails;

impl fmt::Display for Fails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half ")?;
        Err(fmt::Error)
    }
}

#[test]
fn type_names_lose_their_modules() {
    for (full, short) in [
        ("my::tools::ToolError", "ToolError"),
        ("alloc::boxed::Box<dyn core::error::Error>", "Box<dyn Error>"),
        ("alloc::boxed::Box<dyn core::error::Error + core::marker::Send>", "Box<dyn Error + Send>"),
        ("anyhow::Error", "anyhow::Error"),
        ("std::io::error::Error", "io::Error"),
        ("reqwest::error::Error", "reqwest::Error"),
        ("a::Wrap<b::Inner, (c::D, &str)>", "Wrap<Inner, (D, &str)>"),
        ("Error", "Error"),
        ("a::run::{{closure}}::Local", "Local"),
        ("", ""),
    ] {
        assert_eq!(short_type_name(full), short, "{full}");
    }
}

#[test]
fn sources_come_nearest_first() {
    let error =
        Chained("top", Some(Box::new(Chained("middle", Some(Box::new(Chained("end", None)))))));
    let report = ErrorReport::of(&error);
    assert_eq!(report.message, "top");
    assert_eq!(report.sources, ["middle", "end"]);
    assert_eq!(report.type_name, "Chained");
}

#[test]
fn a_long_chain_is_cut() {
    let error = (0..100).fold(Chained("end", None), |source, number| {
        Chained(["link", "other"][number % 2], Some(Box::new(source)))
    });
    assert_eq!(ErrorReport::of(&error).sources.len(), MAX_SOURCES);
}

#[test]
fn a_wrapper_with_the_text_of_its_source_is_told_once() {
    let inner = Some(Box::new(Chained("no room", None)));
    let error = Chained("failed", Some(Box::new(Chained("no room", inner))));
    assert_eq!(ErrorReport::of(&error).sources, ["no room"]);
}

#[test]
fn an_endless_chain_is_told_once() {
    assert_eq!(ErrorReport::of(&Endless).sources, ["again"]);
}

#[test]
fn a_panicking_error_is_reported_all_the_same() {
    let report = ErrorReport::of(&Panics);
    assert_eq!(report.type_name, "Panics");
    assert!(report.message.contains("panicked"), "{}", report.message);
    assert!(report.sources[0].contains("panicked"), "{:?}", report.sources);
}

#[test]
fn a_message_that_fails_halfway_keeps_its_first_half() {
    let report = ErrorReport::from_display(&Fails);
    assert!(report.message.starts_with("half ["), "{}", report.message);
}
