//! Trace files, as other programs read them: the examples on the page about the format run.
//!
//! The tests with `DuckDB` and pandas run in CI, and wherever `RAAF_FILE_TOOLS` is set to `install` or to
//! the path of a Python that has them; the test with jq runs where jq is installed.

#![cfg(unix)]
#![allow(clippy::print_stderr, reason = "who reads the log has to see that nothing was tested")]

#[path = "../../raaf-agents/tests/python/mod.rs"]
mod python;

use std::{
    error::Error,
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
    process::Command,
};

use python::Program;
use raaf_trace_core::{
    FinishedSpan, SpanId, TraceId,
    span::{FinishedSpanBuilder, append_line},
};

const PAGE: &str = include_str!("../../docs/file-format.md");

const PYTHON: Program =
    Program { variable: "RAAF_FILE_TOOLS", package: "duckdb pandas pytz", file: "bin/python" };

/// Number of lines from which `DuckDB` infers columns.
const SAMPLE: u64 = 20_480;

/// The page's examples in this language.
fn examples(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let (_, blocks) = PAGE.split_once("## DuckDB").unwrap_or_default();
    let blocks = blocks.split(&*fence).skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default()).collect()
}

fn span(kind: &str, number: u64) -> FinishedSpanBuilder {
    let span = FinishedSpan::builder(kind, kind);
    let ids = TraceId::from_u128(7).zip(SpanId::from_u64(number));
    let span = ids.map_or(span.clone(), |(trace, id)| span.trace_id(trace).span_id(id));
    if number == 1 { span } else { span.parent_id(SpanId::from_u64(1)) }
}

/// A file as programs leave it: many spans, then an attribute that is new, another of a new type, and
/// the first failure.
fn write_file(path: &Path) -> Result<(), Box<dyn Error>> {
    let mut lines = Vec::new();
    for number in 2..SAMPLE + 2 {
        let llm = span("llm", number).attribute("gen_ai.request.model", "small");
        let llm = llm.attribute("gen_ai.usage.input_tokens", 1).attribute("changing", 1);
        append_line(&llm.build(), &mut lines)?;
    }
    let failed = span("llm", SAMPLE + 2).error("Timeout", "no answer");
    let failed = failed.attribute("changing", "text").attribute("gen_ai.response.model", "late");
    append_line(&failed.build(), &mut lines)?;
    append_line(&span("pipeline", 1).workflow_name("nightly").build(), &mut lines)?;
    append_line(&span("tool", SAMPLE + 3).build().started(), &mut lines)?;
    Ok(fs::write(path, lines)?)
}

/// Appends what a killed program leaves, closed by a later one.
fn tear(path: &Path) -> Result<(), Box<dyn Error>> {
    Ok(OpenOptions::new().append(true).open(path)?.write_all(b"{\"v\":2,\"type\":\"sp\n")?)
}

/// Runs a program, and returns its output.
fn output(program: &Path, code: &str, directory: &Path) -> Result<String, Box<dyn Error>> {
    let output = Command::new(program).args(["-c", code]).current_dir(directory).output()?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    Err(format!("{code}\nfailed: {}", String::from_utf8_lossy(&output.stderr)).into())
}

fn queries(queries: &[&str]) -> String {
    let query = |query: &&str| {
        format!("rows = duckdb.sql(\"\"\"{query}\"\"\")\nif rows: print(rows.fetchall()[:3])\n")
    };
    format!("import duckdb\n{}", queries.iter().map(query).collect::<String>())
}

#[tokio::test]
async fn duckdb_and_pandas_read_files_as_the_page_says() -> Result<(), Box<dyn Error>> {
    let python = match PYTHON.find().await {
        Ok(python) => python,
        Err(reason) => {
            eprintln!("skipped, there is no DuckDB: {reason}");
            return Ok(());
        }
    };
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("traces.jsonl");
    write_file(&path)?;
    let [pandas] = examples("python")[..] else { return Err("one example of pandas".into()) };
    let checks = "assert len(spans) == 20482, len(spans)\n\
        assert spans.started_at.dt.year.min() == 2026, spans.started_at\n\
        assert spans.input_tokens.sum() == 20480, spans.input_tokens\n\
        assert attributes['gen_ai.response.model'].count() == 1\n";
    output(&python, &[pandas, checks].concat(), directory.path())?;

    let shown = examples("sql");
    let failed = output(&python, &queries(&shown[..1]), directory.path())?;
    assert_eq!(failed, "[('llm', 1, 1.0)]\n");

    tear(&path)?;
    let unquoted = "SELECT method, links, events, metadata, tracestate, lost FROM spans LIMIT 1";
    let all = [&shown[1..], &[unquoted]].concat();
    let rows = output(&python, &queries(&all), directory.path())?;
    let rows: Vec<&str> = rows.lines().collect();
    let [models, failures, roots, ids, _] = rows[..] else {
        return Err(format!("{rows:?}").into());
    };
    assert!(models.contains("('small', None, 20480, None)"), "{models}");
    assert!(models.contains("(None, 'late', None, None)"), "{models}");
    assert_eq!(failures, "[('Timeout', 1)]");
    assert!(roots.starts_with("[('nightly', datetime.datetime(2026, 1, 1"), "{roots}");
    assert!(ids.starts_with(&format!("[('{:032x}', '{:016x}')", 7, 2)), "{ids}");
    Ok(())
}

#[test]
fn jq_reads_files_as_the_page_says() -> Result<(), Box<dyn Error>> {
    if Command::new("jq").arg("--version").output().is_err() {
        eprintln!("skipped, there is no jq");
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("traces.jsonl");
    write_file(&path)?;
    let blocks = examples("sh");
    let commands: Vec<&str> = blocks.iter().flat_map(|block| block.lines()).collect();
    let [failed, models] = commands[..] else { return Err(format!("{commands:?}").into()) };
    let failed = output(Path::new("sh"), failed, directory.path())?;
    assert_eq!(failed, format!("{:032x} llm: no answer\n", 7));
    tear(&path)?;
    let models = output(Path::new("sh"), models, directory.path())?;
    let late = models.lines().filter(|line| *line == "\"late\"");
    assert_eq!((late.count(), models.lines().count() as u64), (1, SAMPLE + 1));
    Ok(())
}
