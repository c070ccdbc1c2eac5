//! Holds `deny.toml` where cargo-deny is absent: licences and bans.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value as Json;

#[allow(dead_code, reason = "each test takes what it needs")]
mod workspace;

use workspace::{expect_none, read, root};

/// The strings of a list in `deny.toml`.
fn listed(section: &str, key: &str) -> BTreeSet<String> {
    let text = read(&root().join("deny.toml"));
    let section = text.split_once(&format!("[{section}]\n")).expect("the section is there").1;
    let list = section.split_once(&format!("\n{key} = [")).expect("the list is there").1;
    let list = list.split_once("]\n").expect("the list ends").0;
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Returns whether one of the alternatives of a licence expression is allowed as a whole.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    // One expression in use has parentheses, around alternatives that share a part.
    let expression = expression.replace(['(', ')'], "").replace('/', " OR ");
    expression
        .split(" AND ")
        .all(|part| part.split(" OR ").any(|licence| allowed.contains(licence.trim())))
}

fn packages() -> Vec<Json> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--all-features", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Json = serde_json::from_slice(&output.stdout).expect("it is JSON");
    metadata["packages"].as_array().expect("there are packages").clone()
}

#[test]
fn licences_of_all_dependencies_are_allowed() {
    let allowed = listed("licenses", "allow");
    let wrong = |package: Json| {
        let licence = package["license"].as_str().unwrap_or("no licence");
        let name = package["name"].as_str().unwrap_or_default();
        (!is_allowed(licence, &allowed)).then(|| format!("{name}: {licence}"))
    };
    let wrong: Vec<_> = packages().into_iter().filter_map(wrong).collect();
    expect_none(&wrong, "dependencies with a licence that deny.toml does not allow");
}

#[test]
fn no_banned_dependency_is_locked() {
    let lock = read(&root().join("Cargo.lock"));
    let banned = listed("bans", "deny");
    assert!(banned.contains("openssl") && banned.contains("aws-lc-sys"), "{banned:?}");
    let is_locked = |name: &String| lock.contains(&format!("name = \"{name}\"\n"));
    let found: Vec<_> = banned.into_iter().filter(is_locked).collect();
    expect_none(&found, "banned dependencies");
}

#[test]
fn licence_expressions_are_read() {
    let allowed = listed("licenses", "allow");
    for expression in [
        "MIT",
        "Unlicense/MIT",
        "MIT OR Apache-2.0 OR LGPL-2.1-or-later",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
    ] {
        assert!(is_allowed(expression, &allowed), "{expression}");
    }
    for expression in ["GPL-3.0", "MIT AND OpenSSL", "Apache-2.0 AND (GPL-2.0 OR LGPL-2.1)", ""] {
        assert!(!is_allowed(expression, &allowed), "{expression}");
    }
}
