//! Sinks that are asked for by name, with nothing in code but the link.

#![cfg(all(feature = "console", feature = "file", feature = "memory"))]

use std::{
    error::Error,
    fs, io,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use raaf_processors::ConsoleSink;
use raaf_trace_core::{
    FinishedSpan, MemoryExporter, SpanExporter as _, SpanProcessor, TracerProvider,
    clock::ManualClock, environment::Environment, provider::BuildError, registry, tracer,
};

/// Longer than any test takes; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(60);
/// Number of spans that each of several programs writes.
const SPANS: usize = 2_000;

fn build(pairs: &[(&str, &str)]) -> Result<TracerProvider, BuildError> {
    let environment = Environment::from_pairs(pairs.iter().copied());
    TracerProvider::builder().environment(&environment).build()
}

fn names(provider: &TracerProvider) -> Vec<String> {
    provider.stats().processors.into_iter().map(|processor| processor.name).collect()
}

#[test]
fn naming_the_crate_links_its_sinks() {
    let linked = registry::linked_sinks();
    assert!(["console", "file", "memory"].iter().all(|sink| linked.contains(sink)), "{linked:?}");
}

#[test]
fn sinks_run_in_the_order_in_which_they_are_named() {
    for (value, expected) in
        [("console,file", ["console", "file"]), ("file, console", ["file", "console"])]
    {
        let provider = build(&[("RAAF_TRACE_PROCESSORS", value)]).unwrap();
        assert_eq!(names(&provider), expected);
    }
    let provider = build(&[("RAAF_TRACE_CONSOLE", "yes"), ("RAAF_TRACE_FILE", "x")]).unwrap();
    assert_eq!(names(&provider), ["console", "file"]);
}

#[test]
fn a_sink_named_in_code_goes_by_the_environment_that_is_read_later() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("elsewhere.jsonl");
    let environment = Environment::from_pairs([("RAAF_TRACE_FILE", path.to_str().unwrap())]);
    let builder = TracerProvider::builder().sink("file").with(MemoryExporter::new());
    let provider = builder.environment(&environment).build().unwrap();
    assert_eq!(names(&provider), ["file", "memory"]);
    provider.tracer().start_span("one").finish();
    provider.shutdown(LONG).unwrap();
    assert_eq!(fs::read_to_string(path).unwrap().lines().count(), 1);
}

#[test]
fn an_unknown_name_says_what_is_linked_and_how_to_link() {
    let error = build(&[("RAAF_TRACE_PROCESSORS", "console,zipkin")]).unwrap_err();
    let linked = registry::linked_sinks().join(", ");
    assert_eq!(
        error.to_string(),
        format!(
            "unknown sink `zipkin`; linked sinks: {linked}. Add the crate that registers it as a \
             dependency, with the sink's feature enabled, and link it: `use raaf_processors as _;`"
        )
    );
}

#[test]
fn a_misspelt_name_is_named_with_the_nearest_one() {
    let error = build(&[("RAAF_TRACE_PROCESSORS", "console,flie")]).unwrap_err();
    let text = "unknown sink `flie`; did you mean `file`? Linked sinks: ";
    assert!(error.to_string().starts_with(text), "{error}");
}

#[cfg(not(feature = "otlp"))]
#[test]
fn a_sink_whose_feature_is_off_is_named_with_the_feature() {
    let error = build(&[("RAAF_TRACE_PROCESSORS", "otlp")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the sink `otlp` is not compiled in: its feature `otlp` of raaf-processors is off"
    );
}

#[test]
fn a_bad_variable_of_a_sink_that_is_not_enabled_is_an_error() {
    for (variable, value, expected) in [
        ("RAAF_TRACE_FILE_KEEP", "many", "a whole number from 0 to 4294967295"),
        ("RAAF_TRACE_CONSOLE", "maybe", "one of 1, true, yes, on, 0, false, no, off"),
        ("RAAF_TRACE_CONSOLE_STREAM", "file", "stdout or stderr"),
        #[cfg(feature = "prometheus")]
        ("RAAF_TRACE_PROMETHEUS_ADDR", "9464", "an IP address and a port, such as 127.0.0.1:9464"),
        #[cfg(feature = "otlp")]
        ("RAAF_TRACE_OTLP_NAMES", "short", "`component` or `gen_ai`"),
    ] {
        let error = build(&[("RAAF_TRACE_PROCESSORS", "memory"), (variable, value)]).unwrap_err();
        assert_eq!(error.to_string(), format!("{variable} is `{value}`; expected {expected}"));
    }
}

#[test]
fn a_path_in_a_missing_directory_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing").join("traces.jsonl");
    for (path, expected) in [
        (missing.as_path(), "a path in an existing directory"),
        (directory.path(), "the path of a file, not of a directory"),
    ] {
        let error = build(&[("RAAF_TRACE_FILE", path.to_str().unwrap())]).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("the sink `file` could not be built: RAAF_TRACE_FILE is `"));
        assert!(text.ends_with(expected), "{text}");
    }
}

#[test]
fn a_blank_path_is_an_error() {
    let error = build(&[("RAAF_TRACE_FILE", "  ")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the sink `file` could not be built: RAAF_TRACE_FILE is `  `; expected a path"
    );
}

/// Set in the programs that the tests below start.
const INSIDE: &str = "IN_A_PROCESS_OF_ITS_OWN";

/// Returns whether this process is such a program: a test then plays the traced program's part.
fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// This program again, running only that test, in that directory.
fn program(test: &str, directory: &Path) -> io::Result<Command> {
    let mut program = Command::new(std::env::current_exe()?);
    program.args(["--exact", test, "--nocapture"]).current_dir(directory).env(INSIDE, "1");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RAAF_") {
            program.env_remove(name);
        }
    }
    Ok(program)
}

#[test]
fn the_environment_alone_is_enough() -> Result<(), Box<dyn Error>> {
    if is_inside() {
        return report();
    }
    let directory = tempfile::tempdir()?;
    let mut program = program("the_environment_alone_is_enough", directory.path())?;
    let output = program.env("RAAF_TRACE_PROCESSORS", "console,file").output()?;
    let shown = String::from_utf8(output.stdout)?;
    assert!(shown.contains("Pipeline:Report  "), "{shown}");
    assert!(shown.contains("└── Agent:Planner  "), "{shown}");
    assert!(!shown.contains('\u{1b}'), "no colours but on a terminal: {shown}");
    let written = fs::read_to_string(directory.path().join("traces.jsonl"))?;
    assert_eq!(written.lines().count(), 2);
    Ok(())
}

fn report() -> Result<(), Box<dyn Error>> {
    let guard = raaf_trace_core::init()?.with_timeout(LONG);
    tracer().pipeline_span("Report").in_span(|| tracer().agent_span("Planner").in_span(|| ()));
    guard.shutdown()?;
    Ok(())
}

#[test]
fn processes_share_a_file() -> Result<(), Box<dyn Error>> {
    if is_inside() {
        return many_spans();
    }
    let directory = tempfile::tempdir()?;
    let mut running = Vec::new();
    for _ in 0..3 {
        let mut program = program("processes_share_a_file", directory.path())?;
        program.env("RAAF_TRACE_FILE", "shared.jsonl").stdout(Stdio::null());
        running.push(program.spawn()?);
    }
    for mut program in running {
        assert!(program.wait()?.success());
    }
    let written = fs::read_to_string(directory.path().join("shared.jsonl"))?;
    for line in written.lines() {
        serde_json::from_str::<serde_json::Value>(line)?;
    }
    assert_eq!(written.lines().count(), 3 * SPANS);
    Ok(())
}

fn many_spans() -> Result<(), Box<dyn Error>> {
    let guard = raaf_trace_core::init()?.with_timeout(LONG);
    for number in 0..SPANS {
        tracer().span("x").with("text", "y".repeat(number)).start().finish();
        if number % 500 == 0 {
            guard.provider().force_flush(LONG)?;
        }
    }
    guard.shutdown()?;
    Ok(())
}

/// Runs a trace that fails, one that is slow and one that is neither.
fn three_traces(provider: &TracerProvider, time: &ManualClock) {
    let tracer = provider.tracer();
    let _ = tracer.pipeline_span("fails").try_in_span(|| {
        tracer.agent_span("before").in_span(|| ());
        tracer.tool_span("inside").try_in_span(|| Err::<(), _>(io::Error::other("gone")))
    });
    tracer.pipeline_span("slow").in_span(|| {
        tracer.tool_span("waits").in_span(|| time.advance(Duration::from_millis(2_001)));
    });
    tracer.pipeline_span("plain").in_span(|| tracer.tool_span("works").in_span(|| ()));
}

#[test]
fn whole_traces_are_chosen_by_the_environment() {
    for (only, expected) in [
        ("", "before,fails,inside,plain,slow,waits,works"),
        ("failed", "before,fails,inside"),
        ("slow=2s", "slow,waits"),
        ("failed, slow=2001ms", "before,fails,inside"),
        ("slow=2s,failed", "before,fails,inside,slow,waits"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("traces.jsonl");
        let environment = Environment::from_pairs([
            ("RAAF_TRACE_FILE", path.to_str().unwrap()),
            ("RAAF_TRACE_ONLY", only),
        ]);
        let (time, memory) = (ManualClock::new(), MemoryExporter::new());
        let console = Console::default();
        let tree = ConsoleSink::builder().writer(console.clone()).build();
        let provider = TracerProvider::builder()
            .sink("file")
            .with(memory.clone())
            .with(tree)
            .clock(time.clock())
            .environment(&environment)
            .build()
            .unwrap();
        three_traces(&provider, &time);
        provider.shutdown(LONG).unwrap();
        let read = raaf_testkit::read::file(&path).unwrap().without_faults();
        let sorted = |names: Vec<&str>| {
            let mut names = names;
            names.sort_unstable();
            names.join(",")
        };
        assert_eq!(sorted(read.iter().map(FinishedSpan::component_name).collect()), expected);
        let kept = memory.spans();
        assert_eq!(sorted(kept.iter().map(FinishedSpan::component_name).collect()), expected);
        assert_eq!(console.lines(), kept.len(), "{only}");
        let stats = provider.stats().processors.remove(0);
        assert_eq!((stats.name.as_str(), stats.received, stats.dropped), ("file", 7, 0));
    }
}

#[test]
fn a_processor_of_starts_sees_every_trace() {
    let environment = Environment::from_pairs([("RAAF_TRACE_ONLY", "failed")]);
    let all = MemoryExporter::new();
    let time = ManualClock::new();
    let provider = TracerProvider::builder()
        .with(Starts(all.clone()))
        .clock(time.clock())
        .environment(&environment)
        .build()
        .unwrap();
    three_traces(&provider, &time);
    assert_eq!(all.len(), 7);
}

#[test]
fn a_choice_of_traces_that_cannot_be_read_is_an_error_with_the_nearest_word() {
    let error = build(&[("RAAF_TRACE_ONLY", "failde")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "RAAF_TRACE_ONLY is `failde`; expected `failed`, `slow=` with a time such as 2s or 500ms, \
         or both, separated by commas; did you mean `failed`?"
    );
}

/// A processor that receives starts and ends.
struct Starts(MemoryExporter);

impl SpanProcessor for Starts {
    fn on_end(&self, span: &FinishedSpan) {
        let _ = self.0.export(std::slice::from_ref(span));
    }
}

/// Output of a console.
#[derive(Clone, Default)]
struct Console(Arc<Mutex<Vec<u8>>>);

impl Console {
    fn lines(&self) -> usize {
        let written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&written).lines().count()
    }
}

impl io::Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
