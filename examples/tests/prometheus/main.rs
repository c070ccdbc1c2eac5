//! The example `prometheus_scrape` before a real Prometheus: its lint, its scrapes, its queries.
//!
//! It runs where `prometheus` and `promtool` are on the `PATH`.

mod server;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use server::{Prometheus, get, program};

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_real_prometheus_reads_what_the_example_serves() {
    let (Some(prometheus), Some(promtool)) = (program("prometheus"), program("promtool")) else {
        eprintln!("skipped, there is no Prometheus: `prometheus` or `promtool` is not on the PATH");
        return;
    };
    let (_example, address) = start_example();
    passes_the_lint(&promtool, &address);

    let prometheus = Prometheus::start(&prometheus, &address);
    prometheus.wait_for("up", |value| value > 0.5);
    let agents_a_second = r#"sum(rate(raaf_spans_total{kind="agent",status="ok"}[10s]))"#;
    prometheus.wait_for(agents_a_second, |value| value > 0.0);
    let failures = r#"raaf_spans_total{kind="tool",component="look_up",status="error"}"#;
    prometheus.wait_for(failures, |value| value >= 1.0);
    let slowest = "histogram_quantile(0.95, sum by (le) \
                   (rate(raaf_span_duration_seconds_bucket{kind=\"llm\"}[10s])))";
    prometheus.wait_for(slowest, |value| value > 0.0 && value <= 600.0);
    let tokens = "sum by (model) (rate(raaf_tokens_total[10s]))";
    prometheus.wait_for(tokens, |value| value > 0.0);
    let lost = "sum(raaf_sink_spans_dropped_total)";
    prometheus.wait_for(lost, |value| value == 0.0);
    for query in dashboard() {
        prometheus.wait_for(&query, |value| value >= 0.0 || value.is_nan());
    }
    for expression in alerts() {
        // Without the threshold, an expression has values wherever its metrics exist.
        let (values, _) = expression.rsplit_once('>').expect("an alert has a threshold");
        prometheus.wait_for(&values.replace("m]", "s]"), |value| value >= 0.0 || value.is_nan());
    }
}

#[test]
fn the_alert_rules_pass_promtools_check_and_their_tests() {
    let Some(promtool) = program("promtool") else {
        eprintln!("skipped, `promtool` is not on the PATH");
        return;
    };
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]] {
        let output = Command::new(&promtool).args(arguments).current_dir(pages()).output();
        let output = output.expect("it runs");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
    }
}

/// Directory of the alert rules and the dashboard.
fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/prometheus")
}

/// Queries of the dashboard, with its variables replaced.
fn dashboard() -> Vec<String> {
    let text = std::fs::read_to_string(pages().join("dashboard.json")).expect("it is there");
    let page: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let panels = page["panels"].as_array().into_iter().flatten();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let query = |target: &serde_json::Value| target["expr"].as_str().map(str::to_owned);
    let queries: Vec<_> = targets.filter_map(query).collect();
    assert!(queries.len() >= 10, "{queries:?}");
    queries
        .into_iter()
        .map(|query| query.replace("$__rate_interval", "10s").replace("$job", ".*"))
        .collect()
}

/// Expressions of the alert rules.
fn alerts() -> Vec<String> {
    let text = std::fs::read_to_string(pages().join("alerts.yml")).expect("it is there");
    let mut all = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(expression) = line.trim().strip_prefix("expr: ") else { continue };
        let mut expression = expression.trim_start_matches('|').to_owned();
        let indent = " ".repeat(10);
        while let Some(more) = lines.next_if(|line| line.starts_with(&indent)) {
            expression.push('\n');
            expression.push_str(more);
        }
        all.push(expression);
    }
    assert!(all.len() >= 4, "{all:?}");
    all
}

/// The example, and where it serves.
fn start_example() -> (Running, String) {
    let mut command = Command::new(example());
    command.args(["--serve", "127.0.0.1:0"]).stdout(Stdio::piped());
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("RAAF_") {
            command.env_remove(&variable);
        }
    }
    let mut child = command.spawn().expect("the example starts");
    let stdout = child.stdout.take().expect("its output is piped");
    let running = Running(child);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("it says where it serves");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
    let address = address.unwrap_or_else(|| panic!("no address in {line:?}")).to_owned();
    (running, address)
}

/// The example as it was built with this test; built now when only this test was asked for.
fn example() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.parent().and_then(Path::parent).expect("a test is in a folder of a profile");
    let program = folder.join("examples/prometheus_scrape");
    let program = program.with_extension(std::env::consts::EXE_EXTENSION);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("prometheus_scrape.rs");
    let modified = |path: &Path| path.metadata().and_then(|file| file.modified()).ok();
    if modified(&program) < modified(&source) {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--manifest-path", manifest]);
        let built = cargo.args(["--example", "prometheus_scrape"]).status();
        assert!(built.is_ok_and(|status| status.success()), "the example cannot be built");
    }
    program
}

fn passes_the_lint(promtool: &Path, address: &str) {
    // A first question has to be answered: metrics come with the spans.
    let text = server::until("the first spans", || {
        get(address, "/metrics").ok().filter(|text| text.contains("raaf_tokens_total{"))
    });
    let mut command = Command::new(promtool);
    command.args(["check", "metrics"]).stdin(Stdio::piped());
    let mut lint = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut input = lint.stdin.take().expect("its input is piped");
    input.write_all(text.as_bytes()).expect("it reads");
    drop(input);
    let output = lint.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.trim().is_empty(), "{said}\n{text}");
}
