//! Runs every example and compares what it prints with what the README says it prints.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value as Json, json};

mod chat;
#[cfg(unix)]
#[path = "../../raaf-agents/tests/python/mod.rs"]
mod python;

const README: &str = include_str!("../README.md");

/// Runs an example with nothing in the environment that would change what it prints.
fn run(name: &str, variables: &[(&str, &str)]) -> Output {
    run_with_input(name, variables, "")
}

/// Runs an example that reads this.
fn run_with_input(name: &str, variables: &[(&str, &str)], input: &str) -> Output {
    let mut command = built(name).map_or_else(|| built_by_cargo(name), Command::new);
    for (variable, _) in std::env::vars_os() {
        let text = variable.to_string_lossy();
        if ["RAAF_", "OPENAI_", "OTEL_"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&variable);
        }
    }
    command.env("NO_COLOR", "1").env("RUST_BACKTRACE", "0").envs(variables.iter().copied());
    let failed = |error| -> std::process::Child { panic!("`{name}` cannot be run: {error}") };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap_or_else(failed);
    if let Some(mut stdin) = running.stdin.take() {
        // Most examples read nothing, and may have ended.
        let _ = stdin.write_all(input.as_bytes());
    }
    running.wait_with_output().unwrap_or_else(|error| panic!("`{name}` is lost: {error}"))
}

/// The example as it was built with this test, which is what a run of all tests does.
fn built(name: &str) -> Option<PathBuf> {
    let test = std::env::current_exe().ok()?;
    let binary = test.parent()?.parent()?.join("examples").join(name);
    let binary = binary.with_extension(std::env::consts::EXE_EXTENSION);
    let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let is_current = modified(&binary)? >= modified(&source(name))?;
    is_current.then_some(binary)
}

/// Command that runs it when cargo has not built the examples, because only this test was
/// requested.
fn built_by_cargo(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO"));
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    command.args(["run", "--quiet", "--manifest-path", manifest, "--example", name]);
    command
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name).with_extension("rs")
}

/// Returns the output that the README shows under the example's heading.
fn documented(name: &str) -> &'static str {
    shown(name, 1)
}

/// The block of that number there.
fn shown(name: &str, block: usize) -> &'static str {
    let section = README.split("\n## ").find_map(|section| section.strip_prefix(name));
    let block = section.and_then(|section| section.split("```text\n").nth(block));
    let block = block.and_then(|block| block.split("```").next());
    block.unwrap_or_else(|| panic!("the README shows no output of `{name}`"))
}

/// Lines by who prints them, for only within one stream is the order of lines certain: the trees
/// come from a thread of their own, and so does what a sink of the example prints.
fn streams(text: &str) -> BTreeMap<&'static str, Vec<String>> {
    let mut streams = BTreeMap::<_, Vec<_>>::new();
    for line in text.lines() {
        let is_tree = line.starts_with("      ")
            || line.trim_start().starts_with(['│', '├', '└'])
            || ["  ✓ ", "  ✗ ", "  ⊘ ", "  message: ", "  caused by: "]
                .iter()
                .any(|mark| line.contains(mark));
        let sink = ["debug:", "archived", "tool,"].into_iter().find(|sink| line.starts_with(sink));
        let stream = sink.unwrap_or(if is_tree { "trees" } else { "program" });
        streams.entry(stream).or_default().push(without_chance(line));
    }
    streams
}

/// The line without what differs from run to run: durations and ids.
fn without_chance(line: &str) -> String {
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let is_unit = |text: &str| ["ns", "µs", "ms", "s"].contains(&text);
    let is_number = |text: &str| text.parse::<f64>().is_ok();
    for place in 0..words.len() {
        let word = words[place].clone();
        let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        if is_number(&word) && words.get(place + 1).is_some_and(|next| is_unit(next)) {
            "_".clone_into(&mut words[place]);
            "_".clone_into(&mut words[place + 1]);
        } else if unit.len() < word.len() && is_unit(unit) {
            "_ _".clone_into(&mut words[place]);
        } else if place > 0 && words[place - 1] == "(byte" {
            // Where a line of a trace file begins follows from the durations before it.
            "_".clone_into(&mut words[place]);
        } else if word.starts_with("[trace_") || word.starts_with("span_") {
            "_".clone_into(&mut words[place]);
        }
    }
    words.join(" ")
}

/// Sorts siblings without children of their own: which of them starts first is a matter of chance.
fn sort_leaves(tree: &mut [String]) {
    for line in tree.iter_mut() {
        *line = line.replace("└── ", "├── ");
    }
    tree.chunk_by_mut(|one, other| one.starts_with('├') && other.starts_with('├'))
        .for_each(<[_]>::sort);
}

#[track_caller]
fn assert_prints(name: &str, output: &Output, in_order: bool) {
    assert_shows(name, documented(name), output, in_order);
}

#[track_caller]
fn assert_shows(name: &str, readme: &str, output: &Output, in_order: bool) {
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "`{name}` failed: {stderr}");
    let (mut printed, mut expected) = (streams(&stdout), streams(readme));
    if !in_order {
        for trees in
            [&mut printed, &mut expected].into_iter().filter_map(|all| all.get_mut("trees"))
        {
            sort_leaves(trees);
        }
    }
    for (stream, lines) in &expected {
        let printed = printed.get(stream).map(|lines| lines.join("\n")).unwrap_or_default();
        let expected = lines.join("\n");
        assert_eq!(
            printed, expected,
            "`{name}`, {stream}\n\nprinted:\n{printed}\n\nREADME:\n{expected}"
        );
    }
    assert!(
        printed.keys().eq(expected.keys()),
        "`{name}` prints more than the README shows:\n{stdout}"
    );
}

macro_rules! prints_what_the_readme_shows {
    ($($name:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            let name = stringify!($name);
            assert_prints(name, &run(name, &[]), true);
        }
    )*};
}

prints_what_the_readme_shows! {
    agent_as_tool,
    approvals,
    console_modes,
    cross_thread,
    custom_component,
    custom_processor,
    diagram,
    distributed,
    each_over,
    error_handling,
    file_and_read_back,
    guardrails,
    handoff,
    http_server,
    long_running_worker,
    manual_spans,
    mcp,
    nested_pipelines,
    openai_live,
    openai_traces,
    otlp_export,
    pipeline_operators,
    plugin_sink,
    prometheus_scrape,
    retries_and_timeouts,
    selective_tracing,
    streaming,
    structured_output,
}

#[test]
fn parallel_agents() {
    assert_prints("parallel_agents", &run("parallel_agents", &[]), false);
}

fn piece(delta: &Json, finish_reason: Option<&str>) -> Json {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish_reason});
    json!({"id": "chatcmpl-1", "model": "tidal-1", "choices": [choice]})
}

fn usage(input: u64, output: u64) -> Json {
    json!({"choices": [], "usage": {"prompt_tokens": input, "completion_tokens": output}})
}

#[test]
fn a_real_server_is_asked_and_its_answer_shown_as_it_comes() {
    let call = json!({"index": 0, "id": "call_a", "type": "function", "function": {
        "name": "high_water", "arguments": "{\"port\":"}});
    let more = json!({"index": 0, "function": {"arguments": "\"Brest\"}"}});
    let calls = [
        piece(&json!({"role": "assistant", "tool_calls": [call]}), None),
        piece(&json!({"tool_calls": [more]}), None),
        piece(&json!({}), Some("tool_calls")),
        usage(71, 15),
    ];
    let words = [
        piece(&json!({"role": "assistant", "content": ""}), None),
        piece(&json!({"content": "High water in Brest is "}), None),
        piece(&json!({"content": "at 06:12 and 18:37."}), None),
        piece(&json!({}), Some("stop")),
        usage(98, 17),
    ];
    let answers = vec![chat::stream(&calls), chat::stream(&words)];
    let server = chat::Server::start(answers).expect("loopback has a free port");
    let variables = [
        ("OPENAI_BASE_URL", &*server.url()),
        ("OPENAI_API_KEY", "sk-loopback"),
        ("OPENAI_MODEL", "tidal-1"),
    ];
    let output = run("openai_live", &variables);
    assert_shows("openai_live", shown("openai_live", 2), &output, true);
    let asked = server.requests();
    let [first, second] = &asked[..] else { panic!("{} requests", asked.len()) };
    for request in [first, second] {
        assert!(request.head.starts_with("post /v1/chat/completions"), "{}", request.head);
        assert!(request.head.contains("authorization: bearer sk-loopback"));
        assert!(request.head.contains("traceparent: 00-"), "{}", request.head);
        assert_eq!(
            (&request.body["model"], &request.body["stream"]),
            (&"tidal-1".into(), &true.into())
        );
        assert_eq!(request.body["tools"][0]["function"]["name"], "high_water");
    }
    let told = json!({"role": "tool", "tool_call_id": "call_a", "content": "06:12 and 18:37"});
    assert_eq!(second.body["messages"][3], told);
}

#[test]
fn a_server_that_refuses_is_an_honest_error() {
    let answers = vec![chat::refusal(401, "no such key")];
    let server = chat::Server::start(answers).expect("loopback has a free port");
    let variables = [("OPENAI_BASE_URL", &*server.url()), ("OPENAI_API_KEY", "sk-loopback")];
    let output = run("openai_live", &variables);
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success());
    assert!(
        stderr.contains("the model server refused the API key (HTTP 401): no such key"),
        "{stderr}"
    );
    assert!(stdout.contains("Llm:gpt-4o-mini") && stdout.contains("✗ error"), "{stdout}");
    assert!(!stdout.contains("sk-loopback") && !stderr.contains("sk-loopback"));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn local_model_and_chat() {
    for name in ["local_model", "chat"] {
        // A Python that does not start counts as one without the packages.
        assert_prints(name, &run(name, &[("PYTHONHOME", "/nonexistent")]), true);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_local_model_answers() {
    let python = match python::LOCAL_MODEL.find().await {
        Ok(python) => python,
        Err(reason) => return eprintln!("skipped, there is no local model: {reason}"),
    };
    let mut path = python.parent().expect("it is in a directory").as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let path = path.to_str().expect("a path in Unicode");
    let output = run("local_model", &[("PATH", path)]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The output depends on the machine.
    assert!(stdout.contains("Llm:smollm2") && stdout.contains("✓ ok"), "{stdout}");

    // A chat goes on until the lines end, and is one tree.
    let lines = "What is the capital of France?\nAnd of Italy?\n";
    let output = run_with_input("chat", &[("PATH", path)], lines);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (chat, tree) = stdout.split_once("Trace:chat").expect("the tree follows the chat");
    assert_eq!(chat.matches("\n\n").count(), 2, "{stdout}");
    assert_eq!(tree.matches("Llm:smollm2").count(), 2, "{stdout}");
}

#[test]
fn the_projects_readme_shows_the_diagram_of_the_example() {
    let readme = include_str!("../../README.md");
    let shown = readme.split("```mermaid\n").nth(1).and_then(|rest| rest.split("```").next());
    let printed = run("diagram", &[]).stdout;
    let printed = String::from_utf8_lossy(&printed);
    assert_eq!(printed.find("flowchart").map(|at| &printed[at..]), shown);
}

#[test]
fn a_panic_that_is_caught_is_still_reported_where_panics_are() {
    let stderr = run("error_handling", &[]).stderr;
    assert!(String::from_utf8_lossy(&stderr).contains("attempt to divide by zero"));
}

#[test]
fn the_environment_chooses_the_plugin_by_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("spans.csv");
    let path = file.to_str().expect("a path in Unicode");
    let output = run("plugin_sink", &[("RAAF_TRACE_PROCESSORS", "csv"), ("CSV_SINK_FILE", path)]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(!stdout.contains("✓ ok") && !stdout.contains("tool,"), "{stdout}");
    let rows = fs::read_to_string(file).expect("the sink wrote it");
    assert_eq!(rows, "tool,ParseTool,parse,ok\ntool,ParseTool,parse,error\n");
}

#[test]
fn an_unknown_sink_is_an_error_that_says_which_there_are() {
    let output = run("plugin_sink", &[("RAAF_TRACE_PROCESSORS", "csv,zipkin")]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        stderr.contains("unknown sink `zipkin`; linked sinks: console, csv, file, "),
        "{stderr}"
    );
}

#[test]
fn disabled_tracing_makes_no_spans_and_the_program_runs() {
    let variables = [("RAAF_TRACE_PROCESSORS", "csv"), ("RAAF_DISABLE_TRACING", "true")];
    let output = run("plugin_sink", &variables);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    assert!(stdout.contains("12: Some(12)") && !stdout.contains("tool,"), "{stdout}");
}

#[test]
fn every_example_is_in_the_readme() {
    let directory = fs::read_dir(env!("CARGO_MANIFEST_DIR")).expect("the examples are there");
    for entry in directory.filter_map(Result::ok) {
        let file = entry.file_name();
        let Some(name) = file.to_str().and_then(|file| file.strip_suffix(".rs")) else { continue };
        let listed = README.contains(&format!("[`{name}`]"));
        assert!(listed || name == "lib", "`{name}` is not in the index of the README");
    }
}
