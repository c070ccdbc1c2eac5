//! Rules about the workspace's sources that the compiler does not check.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

mod workspace;

use workspace::{expect_none, files, read, root, shown};

/// Which crates of the workspace a crate may depend on: `agents → core ← processors`,
/// `testkit → core`, and nothing else.
const LAYERS: [(&str, &[&str]); 7] = [
    ("raaf-trace-macros", &[]),
    ("raaf-testkit-macros", &[]),
    ("raaf-trace-core", &["raaf-trace-macros"]),
    ("raaf-agents", &["raaf-trace-core"]),
    ("raaf-processors", &["raaf-trace-core"]),
    ("raaf-testkit", &["raaf-trace-core", "raaf-testkit-macros"]),
    ("raaf-example-csv-sink", &["raaf-trace-core"]),
];

/// What may depend on everything, because nothing depends on it.
const ON_TOP: [&str; 3] = ["raaf-examples", "raaf-quickstart", "raaf-benches"];

/// How long a source file may be, its tests included.
const MAX_LINES: usize = 450;

#[test]
fn crates_depend_only_on_the_layer_below() {
    let mut wrong = Vec::new();
    let mut seen = Vec::new();
    for manifest in manifests() {
        let text = read(&manifest);
        let Some(package) = package_name(&text) else { continue };
        if ON_TOP.contains(&package) {
            continue;
        }
        seen.push(package.to_owned());
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == package) else {
            wrong.push(format!("{package}: no layer is known for it"));
            continue;
        };
        for dependency in dependencies(&text) {
            if dependency.starts_with("raaf-") && !allowed.contains(&dependency.as_str()) {
                wrong.push(format!("{package} must not depend on {dependency}"));
            }
        }
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
    for manifest in manifests() {
        let text = read(&manifest);
        let shared = text.contains("[lints]\nworkspace = true");
        let on_top = package_name(&text).is_some_and(|package| ON_TOP.contains(&package));
        let forbids_unsafe = text.contains("unsafe_code = \"forbid\"");
        if !(shared || (on_top && forbids_unsafe)) {
            wrong.push(shown(&manifest));
        }
    }
    expect_none(&wrong, "manifests without the lints of the workspace");
}

#[test]
fn source_files_fit_in_the_head() {
    let long: Vec<String> = sources()
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
    for file in sources().into_iter().filter(|file| !is_only_tests(file)) {
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
    let index = root().join("examples/README.md");
    if !index.exists() {
        return;
    }
    let index = read(&index);
    let missing: Vec<String> =
        examples().into_iter().filter(|name| !mentions(&index, name)).collect();
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

/// The manifests of all packages, without the workspace's own.
fn manifests() -> Vec<PathBuf> {
    let named = |path: &PathBuf| path.file_name().is_some_and(|name| name == "Cargo.toml");
    let top = root().join("Cargo.toml");
    files(root(), "toml").into_iter().filter(named).filter(|path| *path != top).collect()
}

/// The Rust files of all libraries.
fn sources() -> Vec<PathBuf> {
    manifests()
        .iter()
        .map(|manifest| manifest.with_file_name("src"))
        .filter(|folder| folder.is_dir())
        .flat_map(|folder| files(&folder, "rs"))
        .collect()
}

fn package_name(manifest: &str) -> Option<&str> {
    let package = manifest.split("[package]").nth(1)?;
    let line = package.lines().find_map(|line| line.trim().strip_prefix("name = "))?;
    Some(line.trim_matches('"'))
}

/// What a manifest's package needs to be built: its dependencies but for those of its tests.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let (parent, last) = table.rsplit_once('.').unwrap_or(("", table));
            let needed = |name: &str| name == "dependencies" || name == "build-dependencies";
            inside = needed(last) && parent != "workspace";
            // `[dependencies.name]`, also behind `target.….`
            if needed(parent.rsplit('.').next().unwrap_or_default()) {
                found.push(last.to_owned());
            }
        } else if inside && !line.starts_with('#') {
            found.extend(
                line.split(['.', '=', ' '])
                    .next()
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned),
            );
        }
    }
    found
}

/// Lines that are not comments, with their numbers.
fn code_lines(source: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(source.lines().map(str::trim)).filter(|(_, line)| !line.starts_with("//"))
}

/// Whether a file is a module of tests, by its name or its folder's.
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

/// The names of the examples: files beside `lib.rs` or in a folder of their own.
fn examples() -> Vec<String> {
    let package = root().join("examples");
    let skipped = ["lib.rs", "mod.rs"];
    files(&package, "rs")
        .into_iter()
        .filter_map(|file| {
            let relative = file.strip_prefix(&package).ok()?;
            let mut folders: Vec<_> =
                relative.parent()?.iter().map(|part| part.to_string_lossy()).collect();
            if folders.first().is_some_and(|first| first == "examples") {
                folders.remove(0);
            }
            let name = file.file_name()?.to_string_lossy();
            match folders.as_slice() {
                [] if !skipped.contains(&&*name) => {
                    Some(file.file_stem()?.to_string_lossy().into_owned())
                }
                [folder] if name == "main.rs" => Some(folder.to_string()),
                _ => None,
            }
        })
        .collect()
}

/// Whether a text has this name as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    let part_of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.split(|letter| !part_of_word(letter)).any(|word| word == name)
}

#[test]
fn manifests_are_read() {
    let manifest = "
        [package]
        name = \"raaf-x\"
        [dependencies]
        # a comment
        a.workspace = true
        b = { version = \"1\" }
        [dev-dependencies]
        c = \"1\"
        [dependencies.d]
        path = \"d\"
        [target.'cfg(unix)'.dependencies]
        e = \"1\"
        [build-dependencies]
        f = \"1\"
        [dev-dependencies.g]
        path = \"g\"
    ";
    assert_eq!(package_name(manifest), Some("raaf-x"));
    assert_eq!(dependencies(manifest), ["a", "b", "d", "e", "f"]);
}

#[test]
fn macros_are_told_from_their_like() {
    assert!(calls_macro("println!(\"x\")", "println"));
    assert!(!calls_macro("eprintln!(\"x\")", "println"));
    assert!(!calls_macro("my_print!()", "print"));
}
