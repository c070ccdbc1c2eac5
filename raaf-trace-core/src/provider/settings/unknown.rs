//! Unknown variables.

use raaf_trace_model::{
    environment::{Environment, Variables, nearest},
    sink::registry,
};

use crate::diagnostics::{self, Categories, Category, Level};

/// Variables that the core reads itself.
const KNOWN: [&str; 19] = [
    "RAAF_DISABLE_TRACING",
    "RAAF_TRACE_PROCESSORS",
    "RAAF_SKIP_DEFAULT_PROCESSORS",
    "RAAF_TRACE_BATCH_SIZE",
    "RAAF_TRACE_FLUSH_INTERVAL",
    "RAAF_TRACE_MAX_SPANS",
    "RAAF_TRACE_CLEANUP_INTERVAL",
    "RAAF_TRACE_STALE_AFTER",
    "RAAF_TRACE_SAMPLE_RATE",
    super::only::VARIABLE,
    super::prices::VARIABLE,
    "RAAF_TRACE_INCLUDE_SENSITIVE_DATA",
    "RAAF_TRACE_BAGGAGE_ATTRIBUTES",
    "RAAF_TRACE_MAX_ATTRIBUTE_LENGTH",
    "RAAF_TRACE_MAX_CONTENT_LENGTH",
    "RAAF_TRACE_SHUTDOWN_TIMEOUT",
    // Of the program `raaf`, which others may be started beside.
    "RAAF_PAGER",
    Categories::VARIABLE,
    Level::VARIABLE,
];

/// Reports each `RAAF_*` variable that neither the core nor a linked crate reads.
pub(crate) fn warn_of_unknown_variables(environment: &Environment) {
    for text in unknown(environment) {
        diagnostics::warn(Category::Tracing, format_args!("{text}"));
    }
}

fn unknown(environment: &Environment) -> Vec<String> {
    let sinks = registry::linked();
    let of_sinks = sinks.iter().flat_map(|sink| sink.declared_variables());
    let of_others = Variables::linked().flat_map(Variables::names).copied();
    let known: Vec<&str> = KNOWN.into_iter().chain(of_sinks).chain(of_others).collect();
    let names = environment.names().into_iter();
    let unknown = names.filter(|name| name.starts_with("RAAF_") && !known.contains(&&**name));
    unknown.map(|name| describe(&name, &known)).collect()
}

fn describe(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(nearest) => {
            format!("unknown variable {}; did you mean {nearest}?", name.escape_debug())
        }
        None => format!(
            "unknown variable {}; neither the core nor a linked sink reads it",
            name.escape_debug()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_that_the_settings_read_is_known() {
        let sources = [include_str!("read.rs"), include_str!("only.rs")].concat();
        let (read, _) = sources.split_once("#[cfg(test)]").unwrap();
        let quoted = read.split('"').chain(["RAAF_TRACE_ONLY"]);
        let names: Vec<&str> =
            quoted.filter(|text| text.starts_with("RAAF_") && !text.contains(' ')).collect();
        assert!(names.len() > 10, "{names:?}");
        let environment = Environment::from_pairs(names.into_iter().map(|name| (name, "x")));
        assert_eq!(unknown(&environment), [""; 0]);
    }

    // Concatenated, since the guide lists every variable that appears in the sources.
    const MISSPELT: &str = concat!("RAAF", "_TRACE_PROCESSOR");
    const STRANGE: &str = concat!("RAAF", "_SOMETHING_ELSE_ALTOGETHER");

    #[test]
    fn an_unknown_variable_is_named_with_the_nearest_known_one() {
        let environment = Environment::from_pairs([
            (MISSPELT, "console"),
            ("RAAF_TRACE_BATCH_SIZE", "5"),
            (STRANGE, "5"),
            ("OTHER", "5"),
        ]);
        let mut texts = unknown(&environment);
        texts.sort();
        assert_eq!(
            texts,
            [
                format!("unknown variable {STRANGE}; neither the core nor a linked sink reads it"),
                format!("unknown variable {MISSPELT}; did you mean RAAF_TRACE_PROCESSORS?"),
            ]
        );
    }
}
