//! Checks that `docs/behaviours.md` and the tests agree: every numbered promise has a test, and no
//! test claims a number that the page does not list.

use std::{collections::BTreeMap, path::Path};

mod workspace;

use workspace::{expect_none, files, read, root, shown};

/// A test whose name begins with a promise's number.
struct Claim {
    number: String,
    place: String,
}

#[test]
fn every_promise_has_a_test() {
    let claims = claims();
    let is_held = |number: &str| claims.iter().any(|claim| claim.number == number);
    let missing: Vec<String> = promises()
        .into_iter()
        .filter(|number| !is_held(number))
        .map(|number| format!("{number}: no test `{}_…`", number.to_lowercase()))
        .collect();
    expect_none(&missing, "promises of docs/behaviours.md without a test");
}

#[test]
fn every_numbered_test_holds_a_promise_that_is_listed() {
    let promises = promises();
    let unknown: Vec<String> = claims()
        .into_iter()
        .filter(|claim| !promises.contains(&claim.number))
        .map(|Claim { number, place }| format!("{place}: there is no {number}"))
        .collect();
    expect_none(&unknown, "tests named after a number that docs/behaviours.md does not list");
}

#[test]
fn every_test_that_the_guide_names_exists() {
    let page = read(&root().join("docs/guide/production.md"));
    let table = page.lines().filter(|line| line.starts_with("| "));
    let rows = table.filter_map(|row| row.trim_end_matches(['|', ' ']).rsplit_once("| "));
    let names = rows.flat_map(|(_, cell)| cell.split('`').filter(|word| word.contains('_')));
    // Shorter names in the table are settings and methods, not tests.
    let names: Vec<&str> =
        names.filter(|name| name.len() > 20 && name.chars().all(is_of_a_name)).collect();
    assert!(names.len() > 15, "the page names the tests of its table: {names:?}");
    let tests: String =
        ["raaf-processors", "raaf-trace-core"].map(|place| tests_of(&root().join(place))).concat();
    let is_missing = |name: &&&str| !tests.contains(&format!("fn {name}("));
    let missing: Vec<String> = names.iter().filter(is_missing).map(ToString::to_string).collect();
    expect_none(&missing, "tests that docs/guide/production.md names and nobody wrote");
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_'
}

/// The sources below a folder.
fn tests_of(place: &Path) -> String {
    files(place, "rs").iter().map(|file| read(file)).collect()
}

#[test]
fn every_promise_is_listed_once() {
    let mut seen = BTreeMap::new();
    for number in promises() {
        *seen.entry(number).or_insert(0) += 1;
    }
    assert!(!seen.is_empty(), "docs/behaviours.md has no rows");
    let twice = seen.into_iter().filter(|(_, times)| *times > 1);
    expect_none(
        &twice.map(|(number, times)| format!("{number}: {times} times")).collect::<Vec<_>>(),
        "promises that docs/behaviours.md lists more than once",
    );
}

/// The numbers that the page lists.
fn promises() -> Vec<String> {
    read(&root().join("docs/behaviours.md")).lines().filter_map(promise).collect()
}

/// The number of `| … | G12 |`; other lines have none.
fn promise(line: &str) -> Option<String> {
    let row = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let (_, number) = row.rsplit_once('|')?;
    let number = number.trim();
    (number_at_start(number)? == number).then(|| number.to_owned())
}

fn claims() -> Vec<Claim> {
    files(root(), "rs").iter().flat_map(|file| claims_in(&read(file), file)).collect()
}

fn claims_in(source: &str, file: &Path) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut attributes = Vec::new();
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[") {
            attributes.push(line);
        } else if let Some(name) = function_name(line) {
            let claimed = number_at_start(&name.to_uppercase()).map(str::to_owned);
            let after = claimed.as_ref().and_then(|number| name[number.len()..].chars().next());
            if let Some(number) = claimed
                && after == Some('_')
                && is_test(&attributes)
            {
                claims.push(Claim { number, place: format!("{}: {name}", shown(file)) });
            }
            attributes.clear();
        } else if !line.is_empty() && !line.starts_with("//") {
            attributes.clear();
        }
    }
    claims
}

/// The name, where a line begins a function.
fn function_name(line: &str) -> Option<&str> {
    let mut line = line;
    for word in ["pub ", "async ", "fn "] {
        line = match line.strip_prefix(word) {
            Some(rest) => rest,
            None if word == "fn " => return None,
            None => line,
        };
    }
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()
}

/// Returns whether the attributes make a test that runs: an ignored test proves nothing.
fn is_test(attributes: &[&str]) -> bool {
    let paths = || {
        attributes.iter().filter_map(|attribute| {
            attribute.strip_prefix("#[")?.split(['(', ']', ' ', '=']).next()
        })
    };
    paths().any(|path| path == "test" || path.ends_with("::test"))
        && paths().all(|path| path != "ignore")
}

/// `G12` of `G12_SAME_METHOD`.
fn number_at_start(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(['G', 'L', 'P', 'A', 'S', 'D', 'T', 'N'])?;
    let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    (digits > 0).then(|| &text[..=digits])
}

#[test]
fn rows_are_read() {
    assert_eq!(promise("| one | two | G12 |").as_deref(), Some("G12"));
    for line in ["| promise | number |", "| --- | --- |", "G12 is held", "| a | G1x |", "| a | b |"]
    {
        assert_eq!(promise(line), None, "{line}");
    }
}

#[test]
fn claims_are_read() {
    // The placeholder keeps this text from being taken for tests of this file.
    let source = "
        #[test]
        fn ?1_plain() {}
        #[tokio::test(flavor = \"multi_thread\")]
        /// Says more.
        async fn ?22_async() {}
        #[test]
        #[ignore]
        fn ?2_ignored() {}
        fn ?3_no_test() {}
        #[test]
        fn ?_4() {}
        #[test]
        fn ?5() {}
        #[test]
        fn ?1x_not_a_number() {}
    ";
    let found = claims_in(&source.replace('?', "g"), Path::new("a.rs"));
    let found: Vec<_> = found.iter().map(|claim| claim.place.as_str()).collect();
    assert_eq!(found, ["a.rs: g1_plain", "a.rs: g22_async"]);
}
