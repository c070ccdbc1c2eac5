//! Direction of the modules inside each crate.
//!
//! The top-level modules of a crate are layered. A module may use modules of its own layer and of
//! lower ones, and imports them by path (`crate::tool::Tool`, not `crate::Tool`), so that a file's
//! imports show its dependencies. Layers of several modules are few: their modules depend on each
//! other.

use std::path::{Path, PathBuf};

mod workspace;

use workspace::{expect_none, files, read, root, shown};

/// Modules of a crate by layer, from the lowest to the highest.
type House = (&'static str, &'static [&'static [&'static str]]);

const HOUSES: [House; 9] = [
    (
        "raaf-trace-core/model/src",
        &[
            &["type_name"],
            &["escape"],
            &["percent"],
            &["grpc"],
            &["numbered"],
            &["kind"],
            &["naming"],
            &["time"],
            &["id"],
            &["keys"],
            &["attributes"],
            &["prices"],
            &["redact"],
            &["environment"],
            &["propagation"],
            &["span"],
            &["filter"],
            &["sink"],
        ],
    ),
    (
        "raaf-trace-core/src",
        &[
            &["base"],
            &["diagnostics"],
            &["sink"],
            &["provider"],
            // A component knows its active spans, a span its component and what encloses it.
            &["component", "span", "context"],
            &["call"],
        ],
    ),
    (
        "raaf-agents/src",
        &[
            &["errors"],
            &["web"],
            &["retry"],
            &["diagram"],
            &["conversation"],
            &["model"],
            &["session"],
            &["state"],
            &["run"],
            &["tool"],
            &["guardrail"],
            &["agent"],
            &["hooks"],
            &["runner"],
            &["repl"],
            &["pipeline"],
            &["mcp"],
        ],
    ),
    (
        "raaf-agents/restate/src",
        &[
            &["engine"],
            &["failure"],
            &["approval"],
            &["listen"],
            &["root"],
            &["journal"],
            &["promises"],
            &["steps"],
            &["parts"],
            &["durable"],
            &["runs"],
        ],
    ),
    (
        "raaf-processors/opentelemetry/src",
        &[&["convert", "inside", "baggage"], &["context"], &["joined"], &["data"], &["processor"]],
    ),
    (
        "raaf-processors/cli/src",
        &[
            &["input"],
            &["index"],
            &["state"],
            &["score"],
            &["run"],
            &["args"],
            &["print"],
            &["trace"],
            &["format"],
            &["import"],
            &["serve"],
            &["commands"],
        ],
    ),
    (
        "raaf-processors/tower/src",
        &[&["keys"], &["facts"], &["grpc"], &["running"], &["server"], &["client"], &["reqwest"]],
    ),
    (
        "raaf-processors/tracing/src",
        &[
            &["settings"],
            &["filter"],
            &["outgoing"],
            &["names"],
            &["callsite"],
            &["entered"],
            &["fields"],
            &["bridged"],
            &["event"],
            &["layer"],
            &["builder"],
        ],
    ),
    (
        "raaf-testkit/src",
        &[
            &["hostile"],
            &["tree"],
            &["expected"],
            &["compare"],
            &["coherent"],
            &["snapshot"],
            &["build"],
            &["read"],
            &["strategy"],
            // These run code.
            &["capture"],
            &["conformance"],
            &["workflow"],
        ],
    ),
];

/// Uses of the engine: items and modules of `raaf_trace_core`. Everything else that sinks and the
/// modules of the testkit that run no code need is data, and comes from `raaf_trace_model`.
const USES_OF_THE_ENGINE: [(&str, &[&str]); 2] = [
    (
        "raaf-processors/src",
        &[
            "clock::Clock",
            "clock::Ticks",
            "diagnostics",
            "sink::BatchProcessor",
            "sink::KeepTraces",
            "sink::Offload",
            "sink::PerProcess",
            "sink::TailSampler",
            "sink::stdout_is_reserved",
        ],
    ),
    ("raaf-testkit/src", &[]),
];

/// Modules of the testkit that run code, and therefore use the engine.
const RUNS_CODE: [&str; 3] = ["capture", "conformance", "workflow"];

#[test]
fn rooms_use_only_the_rooms_below() {
    let mut wrong = Vec::new();
    for (source, floors) in HOUSES {
        let source = root().join(source);
        let floor_of = |name: &str| floors.iter().position(|rooms| rooms.contains(&name));
        let mut missing: Vec<&str> = floors.concat();
        for file in files(&source, "rs") {
            let module = module_of(&source, &file);
            let Some(name) = module.first() else { continue };
            let Some(floor) = floor_of(name) else {
                wrong.push(format!("{}: `{name}` is not in the list of modules", shown(&file)));
                continue;
            };
            missing.retain(|room| room != name);
            if is_test(&module) {
                continue;
            }
            let code = code(&read(&file));
            for used in names_in_root(&code, module.len()) {
                match floor_of(&used) {
                    Some(other) if other <= floor => {}
                    Some(_) => wrong.push(format!("{}: `{name}` is below `{used}`", shown(&file))),
                    None => wrong.push(format!(
                        "{}: `{used}` is not a top-level module; import it by its path",
                        shown(&file)
                    )),
                }
            }
        }
        wrong.extend(
            missing.iter().map(|room| format!("{}: there is no module `{room}`", shown(&source))),
        );
    }
    expect_none(&wrong, "imports against the order of layers");
}

/// Data knows no engine; the compiler ensures that the crate does not depend on it.
#[test]
fn the_data_has_no_threads_and_no_state() {
    let words = ["thread_local!", "std::thread", "thread::spawn", "LazyLock", "OnceLock"];
    let mut found = Vec::new();
    for file in files(&root().join("raaf-trace-core/model/src"), "rs") {
        for line in code(&read(&file)).lines().map(str::trim) {
            let is_static = line.starts_with("static ") || line.starts_with("pub static ");
            if is_static || words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}: {line}", shown(&file)));
            }
        }
    }
    expect_none(&found, "threads and state in the data");
}

#[test]
fn sinks_and_the_pure_testkit_use_the_data_alone() {
    let mut wrong = Vec::new();
    for (source, allowed) in USES_OF_THE_ENGINE {
        let source = root().join(source);
        let mut unused = allowed.to_vec();
        for file in files(&source, "rs") {
            let module = module_of(&source, &file);
            if is_test(&module) || module.first().is_some_and(|room| RUNS_CODE.contains(&&**room)) {
                continue;
            }
            for used in paths_under("raaf_trace_core::", 2, &code(&read(&file))) {
                let is_in =
                    |allowed: &&str| used.split("::").zip(allowed.split("::")).all(|(a, b)| a == b);
                unused.retain(|allowed| !is_in(allowed));
                if !allowed.iter().any(is_in) {
                    let file = shown(&file);
                    wrong.push(format!("{file}: `{used}`: is it not in `raaf_trace_model`?"));
                }
            }
        }
        wrong.extend(unused.iter().map(|name| format!("{}: `{name}` is not used", shown(&source))));
    }
    expect_none(&wrong, "uses of the engine");
}

/// The path of the module that a file is, from the crate's root; empty for the root itself.
fn module_of(source: &Path, file: &Path) -> Vec<String> {
    let module: PathBuf = file.strip_prefix(source).unwrap_or(file).with_extension("");
    let mut path: Vec<_> = module.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if path.last().is_some_and(|last| ["mod", "lib", "main"].contains(&&**last)) {
        path.pop();
    }
    path
}

fn is_test(module: &[String]) -> bool {
    module.iter().any(|part| part.ends_with("tests"))
}

/// The source without comments and without the tests at its end.
fn code(source: &str) -> String {
    let tests = ["#[cfg(test)]\nmod ", "#[cfg(test)]\n#[path", "#[cfg(all(test"];
    let end = tests.iter().filter_map(|tests| source.find(tests)).min().unwrap_or(source.len());
    let lines = source[..end].lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The names directly under the crate's root that the code of a module at this depth uses, by
/// `crate::` or by as many `super::`.
fn names_in_root(code: &str, depth: usize) -> Vec<String> {
    let mut names = paths_under("crate::", 1, code);
    names.extend(paths_under(&"super::".repeat(depth), 1, code));
    names
}

/// Returns the paths that follow this one anywhere in the code, up to so many segments.
fn paths_under(path: &str, segments: usize, code: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let found = code
        .match_indices(path)
        .filter(|(at, _)| !code[..*at].ends_with(is_part) && !code[..*at].ends_with("super::"));
    found.flat_map(|(at, _)| first_segments(&code[at + path.len()..], segments)).collect()
}

/// The first segments of a path or, for a group in braces, of each of its paths.
fn first_segments(path: &str, segments: usize) -> Vec<String> {
    let Some(group) = path.strip_prefix('{') else {
        let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
        let (name, rest) = path.split_at(end);
        return match rest.strip_prefix("::") {
            Some(rest) if segments > 1 => {
                let below = first_segments(rest, segments - 1);
                below.iter().map(|below| format!("{name}::{below}")).collect()
            }
            _ => vec![name.to_owned()],
        };
    };
    let mut names = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.extend(first_segments(group[start..at].trim_start(), segments));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn paths_into_the_root_are_found() {
    let source = "
        use crate::{
            model::{Message, ToolCall}, // crate::comment
            run::RunContext,
            tool,
        };
        use super::{Step, super_name};
        use super::super::pipeline::State;
        pub(crate) fn f(tool: crate::Tool) { my_crate::x(); $crate::y() }
        #[cfg(test)]\nmod tests { use crate::tests_only; }
    ";
    let source = source.replace("        #[cfg", "#[cfg");
    let found = names_in_root(&code(&source), 2);
    assert_eq!(found, ["model", "run", "tool", "Tool", "pipeline"]);
    assert_eq!(names_in_root("use super::State;", 1), ["State"]);
    let code = "use core::{clock::Clock, sink::{self, batch::Queue}, Tool};";
    let found = paths_under("core::", 2, code);
    assert_eq!(found, ["clock::Clock", "sink::self", "sink::batch", "Tool"]);
}

#[test]
fn modules_are_found_by_their_files() {
    let module = |file| module_of(Path::new("src"), Path::new(file)).join("::");
    assert_eq!(module("src/lib.rs"), "");
    assert_eq!(module("src/guardrail.rs"), "guardrail");
    assert_eq!(module("src/model/mod.rs"), "model");
    assert_eq!(module("src/model/openai/wire/delta.rs"), "model::openai::wire::delta");
}
