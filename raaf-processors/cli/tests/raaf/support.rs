//! Trace files, and runs of the program on them.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use raaf_trace_model::{
    id::{SpanId, TraceId},
    span::{FinishedSpan, FinishedSpanBuilder, Status},
};
use tempfile::TempDir;

/// Outcome of a run of the program.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A directory with the file `traces.jsonl`.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("traces.jsonl"), text).unwrap();
        Self(directory)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(arguments);
        command.current_dir(self.0.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        outcome(self.command(arguments), "")
    }

    /// Returns the output of a run that succeeds.
    pub(crate) fn text(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, 0, "{arguments:?}: {}{}", outcome.out, outcome.err);
        outcome.out
    }

    /// Returns the errors of a run that ends with that code.
    pub(crate) fn fails(&self, arguments: &[&str], code: i32) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, code, "{arguments:?}: {}{}", outcome.out, outcome.err);
        outcome.err
    }
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_raaf"));
    command.args(arguments).env_remove("RAAF_TRACE_FILE");
    command
}

pub(crate) fn run(arguments: &[&str]) -> Outcome {
    outcome(program(arguments), "")
}

pub(crate) fn run_with_input(arguments: &[&str], input: &str) -> Outcome {
    outcome(program(arguments), input)
}

fn outcome(mut command: Command, input: &str) -> Outcome {
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = streams.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome {
        code: output.status.code().unwrap(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

pub(crate) fn trace(hex: &str) -> TraceId {
    TraceId::parse(&format!("{hex:0<32}")).unwrap()
}

pub(crate) fn span(
    trace: TraceId,
    day: u64,
    number: u64,
    (kind, name): (&'static str, &str),
    millis: (u64, u64),
) -> FinishedSpanBuilder {
    let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600 + day * 86_400);
    FinishedSpan::builder(kind, name)
        .trace_id(trace)
        .span_id(SpanId::from_u64(number).unwrap())
        .parent_id(number.checked_sub(1).and_then(SpanId::from_u64))
        .local_root(number == 1)
        .workflow_name("nightly report")
        .start(begin + Duration::from_millis(millis.0))
        .lasting(Duration::from_millis(millis.1))
        .status(Status::Ok)
}

pub(crate) fn lines(spans: impl IntoIterator<Item = FinishedSpan>) -> String {
    let line = |span| serde_json::to_string(&span).unwrap() + "\n";
    spans.into_iter().map(line).collect()
}

/// Returns the spans of a run of a pipeline, whose agent calls a tool and may fail.
fn run_of(trace: TraceId, day: u64, fails: bool, tool: &'static str) -> [FinishedSpan; 4] {
    let (whole, agent) = if fails { (3_000, 2_200) } else { (1_500, 1_400) };
    let failing =
        |span: FinishedSpanBuilder| if fails { span.error("Timeout", "no answer") } else { span };
    let llm = span(trace, day, 3, ("llm", "gpt-4o"), (200, 1_000)).attributes(|attributes| {
        attributes.set("gen_ai.request.model", "gpt-4o");
        attributes.set("gen_ai.usage.input_tokens", 120);
        attributes.set("gen_ai.usage.output_tokens", 30);
    });
    let tool = span(trace, day, 4, ("tool", tool), (1_300, 200))
        .parent_id(SpanId::from_u64(2))
        .attributes(|attributes| _ = attributes.set("input", "rust"));
    let agent = failing(span(trace, day, 2, ("agent", "Writer"), (100, agent)));
    let root = failing(span(trace, day, 1, ("pipeline", "Report"), (0, whole)));
    [llm, tool, agent, root].map(FinishedSpanBuilder::build)
}

/// Returns two runs of a pipeline: one that succeeds, and one whose agent fails.
pub(crate) fn report() -> String {
    let runs = [("1a", 0, false), ("2b", 1, true)];
    let run = |(id, day, fails): (&str, _, _)| run_of(trace(id), day, fails, "search");
    lines(runs.into_iter().flat_map(run))
}

/// Returns a run of each of these nights. In a new version, the last one fails, and the tool has another
/// name.
pub(crate) fn nights(nights: u64, new: bool) -> String {
    let tool = if new { "lookup" } else { "search" };
    let run = |night| {
        let id = format!("{}{night}", if new { "d" } else { "c" });
        run_of(trace(&id), night, new && night + 1 == nights, tool)
    };
    lines((0..nights).flat_map(run))
}

/// Returns traces of a span each, with ids that begin so.
pub(crate) fn with_ids(ids: &[&str]) -> String {
    lines(ids.iter().map(|id| span(trace(id), 0, 1, ("tool", "search"), (0, 1)).build()))
}

/// Returns a trace of a span whose names are this.
pub(crate) fn named(name: &str) -> String {
    lines([span(trace("1a"), 0, 1, ("tool", name), (0, 1)).workflow_name(name.to_owned()).build()])
}

/// Returns a trace with a span whose parent is missing, two spans that enclose each other, one that
/// ended twice, and one that has only started.
pub(crate) fn broken() -> String {
    let trace = trace("1a");
    let of = |number, name: &'static str| span(trace, 0, number, ("tool", name), (number, 1));
    let parent = |number| SpanId::from_u64(number);
    let twice = of(1, "twice").build();
    let spans = [
        of(7, "orphan").parent_id(parent(99)).build(),
        of(3, "left").parent_id(parent(4)).build(),
        of(4, "right").parent_id(parent(3)).build(),
        twice.clone(),
        twice,
    ];
    let started = of(5, "open").parent_id(parent(1)).build().started();
    lines(spans) + &serde_json::to_string(&started).unwrap() + "\n"
}

/// Returns a trace whose clock was set back: a tool starts before its agent, which ends before it starts.
pub(crate) fn clock_steps() -> String {
    let trace = trace("3c");
    let agent = span(trace, 1, 1, ("agent", "Writer"), (0, 500)).build();
    let tool = span(trace, 0, 2, ("tool", "search"), (0, 100)).build();
    let ended = "\"ended_at\":\"2026-01-02T00:00:00.500000Z\"";
    let text = lines([tool, agent]);
    assert!(text.contains(ended));
    text.replace(ended, "\"ended_at\":\"2026-01-01T23:00:00.500000Z\"")
}

/// A run that has paused, and if `resumed` has gone on with that status.
pub(crate) fn paused(resumed: Option<Status>) -> String {
    let trace = trace("4d");
    let waits = |number, kind, name| {
        span(trace, 0, number, (kind, name), (0, 100))
            .status(Status::Unset)
            .attribute("paused", true)
            .build()
    };
    let goes_on = resumed.map(|status| {
        let part = span(trace, 0, 3, ("agent", "Writer"), (900, 50)).status(status);
        let pauses = (status == Status::Unset).then_some(true);
        part.attribute("resumed", true)
            .attributes(|attributes| _ = attributes.set("paused", pauses))
    });
    let spans = [waits(1, "runner", "Runner"), waits(2, "agent", "Writer")];
    lines(spans.into_iter().chain(goes_on.map(FinishedSpanBuilder::build)))
}
