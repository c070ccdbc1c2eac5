//! The parsers of Mermaid and Graphviz, from npm.

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use raaf_agents::Diagram;
use serde_json::{Value as Json, json};

const VARIABLE: &str = "RAAF_DIAGRAM_PARSERS";

const PACKAGES: [&str; 3] = ["mermaid@11.17.2", "jsdom@29.1.1", "@hpcc-js/wasm-graphviz@1.29.2"];

const SCRIPT: &str = include_str!("check.mjs");

/// Returns what Mermaid and Graphviz see in each diagram; the reason if they are unavailable.
pub(crate) fn read(diagrams: &[Diagram]) -> Result<Vec<Json>, String> {
    let is_asked = env::var(VARIABLE).is_ok_and(|word| word == "install");
    if !is_asked && env::var_os("CI").is_none() {
        return Err(format!("set {VARIABLE} to `install`"));
    }
    let folder = install()?;
    let forms = diagrams.iter().map(|diagram| {
        let forms = json!({ "mermaid": diagram.to_mermaid(), "dot": diagram.to_dot() });
        format!("{forms}\n")
    });
    let shown = |error: std::io::Error| error.to_string();
    let mut node = Command::new("node")
        .arg(folder.join("check.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(shown)?;
    let mut input = node.stdin.take().ok_or("no input")?;
    let text: String = forms.collect();
    let writing = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = node.wait_with_output().map_err(shown)?;
    // A parser that refuses a diagram is a failure, and no reason to skip the test.
    assert!(output.status.success(), "a diagram was refused");
    writing.join().map_err(|_| "panicked")?.map_err(shown)?;
    let lines = String::from_utf8_lossy(&output.stdout);
    lines.lines().map(|line| serde_json::from_str(line).map_err(|e| e.to_string())).collect()
}

fn install() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("diagram-parsers");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    // A folder that was not finished is no better than none.
    let finished = folder.join("finished");
    if fs::read_to_string(&finished).is_ok_and(|packages| packages == PACKAGES.join(" ")) {
        return script(folder);
    }
    let status = Command::new("npm")
        .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
        .arg(&folder)
        .args(PACKAGES)
        .stdout(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(format!("npm failed ({status})")),
        Err(error) => return Err(format!("npm does not start: {error}")),
    }
    fs::write(finished, PACKAGES.join(" ")).map_err(|error| error.to_string())?;
    script(folder)
}

fn script(folder: PathBuf) -> Result<PathBuf, String> {
    fs::write(folder.join("check.mjs"), SCRIPT).map_err(|error| error.to_string())?;
    Ok(folder)
}
