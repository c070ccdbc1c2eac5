//! Rules about the workspace's sources that the compiler does not check.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value as Json;

mod workspace;

use workspace::{expect_none, files, read, root, shown};

/// Crates of the workspace that a crate may depend on: `agents → core ← processors`,
/// `testkit → core`, the data that is part of the core, and nothing else.
const LAYERS: [(&str, &[&str]); 12] = [
    ("raaf-trace-macros", &[]),
    ("raaf-testkit-macros", &[]),
    ("raaf-trace-model", &[]),
    ("raaf-trace-core", &["raaf-trace-macros", "raaf-trace-model"]),
    ("raaf-agents", &["raaf-trace-core"]),
    ("raaf-processors", &["raaf-trace-core", "raaf-trace-model"]),
    ("raaf-tracing", &["raaf-trace-core"]),
    ("raaf-tower", &["raaf-trace-core"]),
    ("raaf-cli", &["raaf-processors", "raaf-testkit", "raaf-trace-model"]),
    ("raaf-opentelemetry", &["raaf-trace-core", "raaf-processors"]),
    ("raaf-testkit", &["raaf-trace-core", "raaf-trace-model", "raaf-testkit-macros"]),
    ("raaf-example-csv-sink", &["raaf-trace-core"]),
];

/// Packages that may depend on everything, because nothing depends on them.
const ON_TOP: [&str; 5] =
    ["raaf-examples", "raaf-quickstart", "raaf-one-tree", "raaf-benches", "raaf-peers"];

/// Maximum length of a file of sources, tests or examples.
const MAX_LINES: usize = 450;

#[test]
fn there_is_one_tls_stack() {
    let lock = read(&root().join("Cargo.lock"));
    let versions = |name: &str| lock.matches(&format!("name = \"{name}\"\n")).count();
    // Other TLS stacks are banned by `deny.toml`.
    assert_eq!(["rustls", "ring"].map(versions), [1, 1]);
    // With two providers of cryptography, this would panic in programs that use rustls themselves.
    drop(rustls::ClientConfig::builder());
}

#[test]
fn crates_depend_only_on_the_layer_below() {
    let mut wrong = Vec::new();
    let mut seen = Vec::new();
    for package in packages() {
        let name = text(&package["name"]).to_owned();
        if ON_TOP.contains(&&*name) {
            continue;
        }
        let Some((_, allowed)) = LAYERS.iter().find(|(known, _)| *known == name) else {
            wrong.push(format!("{name}: no layer is known for it"));
            continue;
        };
        for dependency in list(&package["dependencies"]).filter(|one| one["kind"] != "dev") {
            let dependency = text(&dependency["name"]);
            if dependency.starts_with("raaf-") && !allowed.contains(&dependency) {
                wrong.push(format!("{name} must not depend on {dependency}"));
            }
        }
        seen.push(name);
    }
    for (name, _) in LAYERS {
        if !seen.iter().any(|package| package == name) {
            wrong.push(format!("{name}: no such package"));
        }
    }
    expect_none(&wrong, "layering");
}

#[test]
fn every_crate_has_the_lints_of_the_workspace() {
    let mut wrong = Vec::new();
    for package in packages() {
        let manifest = Path::new(text(&package["manifest_path"]));
        let lines = read(manifest);
        let shared = lines.contains("[lints]\nworkspace = true");
        let on_top = ON_TOP.contains(&text(&package["name"]));
        let forbids_unsafe = lines.contains("unsafe_code = \"forbid\"");
        if !(shared || (on_top && forbids_unsafe)) {
            wrong.push(shown(manifest));
        }
    }
    expect_none(&wrong, "manifests without the lints of the workspace");
}

#[test]
fn source_files_fit_in_the_head() {
    let long: Vec<String> = files(root(), "rs")
        .into_iter()
        .map(|file| (read(&file).lines().count(), file))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .map(|(lines, file)| format!("{}: {lines} lines", shown(&file)))
        .collect();
    expect_none(&long, &format!("files of more than {MAX_LINES} lines"));
}

#[test]
fn there_is_no_unsafe_code() {
    let mut found = Vec::new();
    for file in files(root(), "rs") {
        for (number, line) in code_lines(&read(&file)) {
            let block = ["{", "fn ", "impl ", "trait ", "extern "]
                .iter()
                .any(|after| line.contains(&["unsafe ", after].concat()));
            if block || line.contains(&["allow(", "unsafe_code"].concat()) {
                found.push(format!("{}:{number}: {line}", shown(&file)));
            }
        }
    }
    expect_none(&found, "unsafe code");
}

#[test]
fn libraries_do_not_print_or_leave_things_to_do() {
    let words = ["print", "println", "eprint", "eprintln", "dbg", "todo", "unimplemented"];
    let mut found = Vec::new();
    let quickstart = root().join("examples/quickstart");
    let is_library = |file: &PathBuf| !is_only_tests(file) && !file.starts_with(&quickstart);
    for file in sources().into_iter().filter(is_library) {
        for (number, line) in code_lines(without_tests(&read(&file))) {
            if let Some(word) = words.iter().find(|word| calls_macro(line, word)) {
                found.push(format!("{}:{number}: {word}!", shown(&file)));
            }
        }
    }
    expect_none(&found, "macros that have no place in a library");
}

#[test]
fn every_example_is_in_the_index() {
    let index = read(&root().join("examples/README.md"));
    let missing: Vec<String> = packages()
        .iter()
        .flat_map(|package| list(&package["targets"]))
        .filter(|target| list(&target["kind"]).any(|kind| kind == "example"))
        .map(|target| text(&target["name"]).to_owned())
        .filter(|name| !index.contains(&format!("[`{name}`]")))
        .collect();
    expect_none(&missing, "examples that examples/README.md does not list");
}

#[test]
fn no_build_output_is_committed() {
    // Where this is not a checkout, nothing can have been committed.
    let Ok(listed) = Command::new("git").arg("ls-files").current_dir(root()).output() else {
        return;
    };
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let built = ["rlib", "rmeta", "so", "dylib", "dll", "exe", "o", "profraw"];
    let output: Vec<String> = listed
        .lines()
        .filter(|path| {
            let path = Path::new(path);
            path.components().any(|part| part.as_os_str() == "target")
                || path.extension().is_some_and(|found| built.iter().any(|built| found == *built))
                || path.file_name().is_some_and(|name| name == "traces.jsonl")
        })
        .map(str::to_owned)
        .collect();
    expect_none(&output, "build output in the repository");
}

/// The workspace's packages, as cargo describes them.
fn packages() -> Vec<Json> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo can be run");
    let metadata: Json = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    list(&metadata["packages"]).cloned().collect()
}

fn list(json: &Json) -> impl Iterator<Item = &Json> {
    json.as_array().expect("an array").iter()
}

fn text(json: &Json) -> &str {
    json.as_str().expect("a string")
}

/// The Rust files of all libraries.
fn sources() -> Vec<PathBuf> {
    packages()
        .iter()
        .map(|package| Path::new(text(&package["manifest_path"])).with_file_name("src"))
        .filter(|folder| folder.is_dir())
        .flat_map(|folder| files(&folder, "rs"))
        .collect()
}

/// Lines that are not comments, with their numbers.
fn code_lines(source: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(source.lines().map(str::trim)).filter(|(_, line)| !line.starts_with("//"))
}

/// Returns whether a file is a module of tests, by its name or its folder's.
fn is_only_tests(file: &Path) -> bool {
    file.with_extension("").iter().any(|part| part.to_string_lossy().ends_with("tests"))
}

/// The part of a file in front of its tests, which come last.
fn without_tests(source: &str) -> &str {
    source.split("#[cfg(test)]\nmod tests {").next().unwrap_or(source)
}

fn calls_macro(line: &str, word: &str) -> bool {
    line.match_indices(&[word, "!"].concat()).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_')
    })
}

#[test]
fn macros_are_told_from_their_like() {
    assert!(calls_macro("println!(\"x\")", "println"));
    assert!(!calls_macro("eprintln!(\"x\")", "println"));
    assert!(!calls_macro("my_print!()", "print"));
}
