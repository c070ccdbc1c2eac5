//! Checks the pages of the repository: links, settings, chapters.

use std::collections::BTreeSet;

mod workspace;

use workspace::{expect_none, files, read, root, shown};

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for page in files(root(), "md") {
        let text = read(&page);
        for target in links(&text) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let to = match path {
                "" => page.clone(),
                path => page.with_file_name("").join(path),
            };
            if !to.exists() {
                broken.push(format!("{}: {target}", shown(&page)));
            } else if !anchor.is_empty() && !anchors(&read(&to)).contains(anchor) {
                broken.push(format!("{}: {target}: no such heading", shown(&page)));
            }
        }
    }
    expect_none(&broken, "links that lead nowhere");
}

#[test]
fn the_guide_lists_every_setting_and_no_other() {
    const PAGE: &str = "docs/guide/settings.md";
    let page = read(&root().join(PAGE));
    let listed: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| name.starts_with("RAAF_") && is_variable(name))
        .collect();
    let sources: Vec<String> = files(root(), "rs")
        .into_iter()
        .filter(|file| is_library_source(&shown(file)))
        .map(|file| read(&file))
        .collect();
    let read: BTreeSet<&str> = sources.iter().flat_map(|source| variables(source)).collect();
    let missing = read.difference(&listed).map(|name| format!("{name}: not in {PAGE}"));
    let invented = listed.difference(&read).map(|name| format!("{name}: nothing reads it"));
    expect_none(&missing.chain(invented).collect::<Vec<_>>(), "settings");
}

#[test]
fn every_chapter_of_the_guide_is_listed_and_compiled() {
    let contents = read(&root().join("docs/guide/README.md"));
    let compiled = read(&root().join("examples/lib.rs"));
    let mut wrong = Vec::new();
    for page in files(&root().join("docs/guide"), "md") {
        let name = page.file_name().unwrap_or_default().to_string_lossy();
        if name != "README.md" && !contents.contains(&format!("]({name})")) {
            wrong.push(format!("{name}: not in the contents"));
        }
        if !compiled.contains(&format!("\"../docs/guide/{name}\"")) {
            wrong.push(format!("{name}: not compiled by examples/lib.rs"));
        }
    }
    expect_none(&wrong, "chapters of docs/guide");
}

#[test]
fn the_readmes_programs_read_only_files_that_a_fresh_crate_has() {
    let readme = read(&root().join("README.md"));
    let ends = [".md", ".txt", ".csv", ".json", ".jsonl", ".toml", ".rs"];
    let mut wrong = Vec::new();
    for program in readme.split("```rust").skip(1).filter_map(|rest| rest.split("```").next()) {
        let words = program.split('"').skip(1).step_by(2);
        let files = words.filter(|word| ends.iter().any(|end| word.ends_with(end)));
        let unknown = files.filter(|file| !["Cargo.toml", "src/main.rs"].contains(file));
        wrong.extend(unknown.map(str::to_owned));
    }
    expect_none(&wrong, "files that `cargo new` does not make");
}

#[test]
fn no_page_takes_a_crate_of_the_workspace_from_a_registry() {
    let mut wrong = Vec::new();
    for page in files(root(), "md") {
        let text = read(&page);
        let lines = text.lines().map(str::trim).filter(|line| line.starts_with("raaf-"));
        let versions = lines.filter(|line| line.contains(" = ") && !line.contains("path = "));
        wrong.extend(versions.map(|line| format!("{}: {line}", shown(&page))));
    }
    expect_none(&wrong, "versions that no registry has");
}

#[test]
fn claims_of_the_readme_have_their_caveats_where_they_stand() {
    let readme = read(&root().join("README.md"));
    let claims = [("every loss counted", "lost uncounted"), ("survives a crash", "do not")];
    for (claim, caveat) in claims {
        let paragraphs = readme.split("\n\n").flat_map(|part| {
            if part.starts_with('|') { part.lines().collect::<Vec<_>>() } else { vec![part] }
        });
        for paragraph in paragraphs.filter(|paragraph| paragraph.contains(claim)) {
            assert!(paragraph.contains(caveat), "{claim:?} without its caveat: {paragraph}");
        }
    }
    assert!(!readme.contains("nothing lost"));
    let counted = ["wo", "hree", "our", "ive", "ix"].map(|word| format!("{word} crates"));
    assert!(counted.iter().all(|count| !readme.contains(count)), "the table counts the crates");
}

/// The targets of links within the repository; code blocks have none.
fn links(page: &str) -> Vec<&str> {
    let mut in_code = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            found.extend(targets.filter(|target| !target.contains("://")));
        }
    }
    found
}

/// The anchors of a page's headings, as they are made of the headings' texts.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            letter if letter.is_alphanumeric() || letter == '-' || letter == '_' => Some(letter),
            _ => None,
        })
        .collect()
}

/// Returns whether the file is part of a library that reads settings; tests and examples set them.
fn is_library_source(path: &str) -> bool {
    path.contains("/src/")
        && !["benches/", "examples/", "raaf-testkit/"].iter().any(|folder| path.starts_with(folder))
}

/// The string literals of a source that name a variable.
fn variables(source: &str) -> impl Iterator<Item = &str> {
    source.split('"').filter(|text| text.starts_with("RAAF_") && is_variable(text))
}

fn is_variable(text: &str) -> bool {
    text.len() > "RAAF_".len()
        && text.bytes().all(|letter| letter.is_ascii_uppercase() || letter == b'_')
}

#[test]
fn links_and_headings_are_read() {
    let page = "# One, two: three\n[a](b.md#c) and [d](https://e) [f](#g)\n```\n[h](i)\n```\n";
    assert_eq!(links(page), ["b.md#c", "#g"]);
    assert!(anchors(page).contains("one-two-three"));
}

#[test]
fn variables_are_read() {
    let source = r#"read("RAAF_X_Y") or "RAAF_" or `RAAF_Z` or "see RAAF_W""#;
    assert_eq!(variables(source).collect::<Vec<_>>(), ["RAAF_X_Y"]);
}
