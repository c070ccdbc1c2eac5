//! Arguments of the program.

mod files;
mod filter;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};
use regex::Regex;

use crate::state::State;

pub(crate) use files::{Files, PricedFiles, Prices, default_file};
pub(crate) use filter::{Period, RunFilter, Side};
use filter::{attribute, duration, finite, positive, ratio};

/// Lists, shows, searches, compares and exports traces.
///
/// Files are those of the `file` sink, compressed with gzip or zstd or not, with the rotated parts beside
/// them; `-` is standard input. Without a file, the one that `RAAF_TRACE_FILE` names is read, else
/// `traces.jsonl` here. Traces and spans are named by the beginning of their ids; `last` is the newest
/// trace.
///
/// The exit code is 0, or 1 if nothing was found (`diff`: if there is a difference), or 2 for an error.
#[derive(Debug, Parser)]
#[command(name = "raaf", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print JSON, one object a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Use colours.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// Print to the terminal without the pager that `RAAF_PAGER` or `PAGER` names (`less -FRX` by default).
    #[arg(long, global = true)]
    pub(crate) no_pager: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List runs, newest first.
    List(List),
    /// Show a run as a tree.
    Show(Show),
    /// Find spans.
    Search(Search),
    /// Summarize spans by kind, component, model or error, or scores.
    ///
    /// Tokens and cost of an agent are those of the model calls below it, except those of other agents
    /// below it.
    Stats(Stats),
    /// List the spans that took longest.
    Slowest(Slowest),
    /// List errors by type and message.
    Errors(Errors),
    /// Compare two runs, or two sets of runs.
    ///
    /// A set of runs is a file, optionally with filters of `raaf list`: `new.jsonl`,
    /// `traces.jsonl:name=nightly,since=2h`, or `:until=2026-01-02` for the file that is read by default.
    /// Write `./` before a file name without a dot. Spans of sets are aligned by the name of their run, and
    /// by kind, component and method from the root on.
    Diff(Diff),
    /// Write traces in another format.
    Export(Export),
    /// Convert traces of other programs to lines of a trace file.
    Import(Import),
    /// Append the score of a span to a trace file.
    ///
    /// The score is a span of kind `evaluator` in its own trace, with a link to the scored span, as programs
    /// write the score of a span that has ended.
    Score(Score),
    /// Print spans as they are written.
    Tail(Tail),
    /// Show traces in a browser, from files, with what is written to them meanwhile.
    View(View),
    /// Receive spans, and show them in a browser.
    ///
    /// Programs send OTLP over HTTP to `/v1/traces` (`OTEL_EXPORTER_OTLP_ENDPOINT` is the address), requests
    /// of OpenAI's Agents SDK to `/v1/traces/ingest`, or lines of a trace file to `/lines`.
    Serve(Serve),
    /// Print the completions of a shell.
    Completions { shell: clap_complete::Shell },
}

impl Command {
    /// Returns the reason why the command has no output in JSON, if it has none.
    pub(crate) fn without_json(&self) -> Option<&'static str> {
        match self {
            Self::Export(_) => Some(
                "`export` has an argument for its format; `chrome`, `otlp` and `jsonl` are JSON",
            ),
            Self::Completions { .. } => Some("completions are a script"),
            _ => None,
        }
    }

    /// Returns whether its output may be long and is for people.
    pub(crate) fn is_paged(&self) -> bool {
        matches!(
            self,
            Self::List(_)
                | Self::Show(_)
                | Self::Search(_)
                | Self::Stats(_)
                | Self::Slowest(_)
                | Self::Errors(_)
                | Self::Diff(_)
        )
    }
}

#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) files: PricedFiles,
    /// Number of runs.
    #[arg(short = 'n', long, default_value_t = 20, value_parser = positive())]
    pub(crate) limit: usize,
    /// List all runs.
    #[arg(short, long, conflicts_with = "limit")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) filter: RunFilter,
}

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// Beginning of the trace's id, or `last`.
    pub(crate) trace: String,
    #[command(flatten)]
    pub(crate) files: PricedFiles,
    /// Only this span and what is below it, by the beginning of its id.
    #[arg(long, value_name = "SPAN")]
    pub(crate) span: Option<String>,
    /// Show attributes and ids.
    #[arg(long)]
    pub(crate) attributes: bool,
    /// Show inputs, outputs, messages and errors in full.
    #[arg(long)]
    pub(crate) content: bool,
    /// Format of the output, `text` by default; `--json` means `--format json`.
    #[arg(long, value_enum)]
    pub(crate) format: Option<ShowFormat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowFormat {
    Text,
    Json,
    Markdown,
    Mermaid,
}

#[derive(Args, Debug)]
pub(crate) struct Search {
    /// Regular expression, sought in names, errors, attributes and contents.
    pub(crate) pattern: Option<Regex>,
    #[command(flatten)]
    pub(crate) files: PricedFiles,
    /// Only spans of this kind.
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Only spans whose component matches this regular expression.
    #[arg(long, value_name = "REGEX")]
    pub(crate) component: Option<Regex>,
    /// Only spans with this status.
    #[arg(long, value_parser = State::span_parser())]
    pub(crate) status: Option<State>,
    /// Only spans with this attribute, `KEY` or `KEY=VALUE`.
    #[arg(long = "attribute", value_name = "KEY[=VALUE]", value_parser = attribute)]
    pub(crate) attributes: Vec<(String, Option<String>)>,
    /// Only spans that lasted at least so long.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) longer_than: Option<Duration>,
    #[command(flatten)]
    pub(crate) period: Period,
    /// Number of spans.
    #[arg(short = 'n', long, default_value_t = 50, value_parser = positive())]
    pub(crate) limit: usize,
}

#[derive(Args, Debug)]
pub(crate) struct Stats {
    #[command(flatten)]
    pub(crate) files: PricedFiles,
    /// Groups to summarize by.
    #[arg(long, value_enum, default_value_t = By::Component)]
    pub(crate) by: By,
    #[command(flatten)]
    pub(crate) period: Period,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Kind,
    Component,
    Model,
    Error,
    /// The values and labels of scores, by their names.
    Score,
}

#[derive(Args, Debug)]
pub(crate) struct Slowest {
    #[command(flatten)]
    pub(crate) files: Files,
    /// Number of spans.
    #[arg(short = 'n', long, default_value_t = 20, value_parser = positive())]
    pub(crate) limit: usize,
    /// Only spans of this kind.
    #[arg(long)]
    pub(crate) kind: Option<String>,
    #[command(flatten)]
    pub(crate) period: Period,
}

#[derive(Args, Debug)]
pub(crate) struct Errors {
    #[command(flatten)]
    pub(crate) files: Files,
    #[command(flatten)]
    pub(crate) period: Period,
}

#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// The run before, by the beginning of its trace's id, or a set of runs.
    #[arg(value_parser = Side::parse)]
    pub(crate) before: Side,
    /// The run after, by the beginning of its trace's id, or a set of runs; `last` is the newest run.
    #[arg(value_parser = Side::parse)]
    pub(crate) after: Side,
    #[command(flatten)]
    pub(crate) files: PricedFiles,
    /// Smallest ratio by which a duration must differ to be shown.
    #[arg(long, value_name = "RATIO", default_value_t = 1.5, value_parser = ratio)]
    pub(crate) slower: f64,
    /// Smallest ratio by which spans, tokens and cost a run of sets must differ to be shown.
    #[arg(long, value_name = "RATIO", default_value_t = 1.1, value_parser = ratio)]
    pub(crate) more: f64,
    /// Compare inputs, outputs and messages of two runs.
    #[arg(long)]
    pub(crate) content: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Export {
    /// Format of the output.
    #[arg(value_enum)]
    pub(crate) format: ExportFormat,
    #[command(flatten)]
    pub(crate) files: PricedFiles,
    /// Only this trace, by the beginning of its id, or `last`.
    #[arg(long)]
    pub(crate) trace: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Trace events of Chrome, for Perfetto and `chrome://tracing`.
    Chrome,
    /// Comma-separated values, a span a line.
    Csv,
    /// A flowchart of Mermaid for each trace.
    Mermaid,
    /// Markdown.
    Markdown,
    /// Requests of OpenTelemetry's protocol in JSON, one a line for each trace.
    Otlp,
    /// The page of `view`, with the traces in it.
    Html,
    /// The lines as they are, uncompressed.
    Jsonl,
}

#[derive(Args, Debug)]
pub(crate) struct View {
    #[command(flatten)]
    pub(crate) files: PricedFiles,
    /// Port on this machine; 0 for any.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Largest size of the traces in memory, in MiB; the oldest are left out.
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    pub(crate) memory: usize,
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Address to listen on. With an address that other machines reach, everybody there can read and
    /// send traces.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4318")]
    pub(crate) listen: SocketAddr,
    /// File to which received spans are appended, and which is shown from the start.
    #[arg(long, value_name = "FILE")]
    pub(crate) keep: Option<PathBuf>,
    /// Largest size of the traces in memory, in MiB; the oldest are left out.
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    pub(crate) memory: usize,
    #[command(flatten)]
    pub(crate) prices: Prices,
}

#[derive(Args, Debug)]
pub(crate) struct Import {
    /// Files of requests, one after the other, of OTLP in JSON (as the collector's `file` exporter writes
    /// them) or as OpenAI's Agents SDK sends them; `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Score {
    /// Trace file, not compressed.
    pub(crate) file: PathBuf,
    /// Beginning of the span's id.
    pub(crate) span: String,
    /// Name of what is scored, such as `helpful`.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// Number on the scale of this score.
    #[arg(allow_negative_numbers = true, value_parser = finite, required_unless_present = "label")]
    pub(crate) value: Option<f64>,
    /// Label, such as `pass`.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) label: Option<String>,
    /// Reason for the score.
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// Only spans of this trace, by the beginning of its id.
    #[arg(long)]
    pub(crate) trace: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Tail {
    /// Trace file, or `-` for standard input.
    pub(crate) file: Option<PathBuf>,
    /// Number of existing lines to begin with.
    #[arg(short = 'n', long, default_value_t = 10)]
    pub(crate) lines: usize,
    /// Continue with lines that are written later, also after a rotation.
    #[arg(short, long)]
    pub(crate) follow: bool,
}
