//! Snapshots: spans in a form that is the same in each run.

mod entry;
mod json;
mod order;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;

use raaf_trace_model::span::FinishedSpan;

use crate::tree::Spans;
use entry::Entry;

impl Spans {
    /// Renders the spans in a form that is the same in each run, for `insta` and similar tools: as
    /// text when displayed, as JSON when serialised.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_testkit::build;
    ///
    /// let tree = build::pipeline("Import")
    ///     .child(build::agent("Reader").attribute("agent.model", "gpt"))
    ///     .child(build::tool("parse").error("ParseError", "no digit in \"x\""));
    ///
    /// assert_eq!(tree.spans().to_snapshot().to_string(), r#"
    /// pipeline "Import"
    /// ├── agent "Reader"
    /// │         agent.model = "gpt"
    /// └── tool "parse" [error ParseError: "no digit in \"x\""]
    /// "#.trim_start());
    /// ```
    ///
    /// With `insta`: `insta::assert_snapshot!(capture.spans().to_snapshot())`, or, with its
    /// feature `json`, `insta::assert_json_snapshot!(capture.spans().to_snapshot())`.
    pub fn to_snapshot(&self) -> Snapshot {
        Snapshot { spans: self.clone(), options: Options::default() }
    }
}

/// Spans in a form that is the same in each run; see [`Spans::to_snapshot`].
///
/// # Contents
///
/// A snapshot contains kind, component, method, outcome, attributes sorted by key, events, and
/// facts about the trace. `exception` events of a failed span repeat its error, and are left out.
///
/// Ids are numbered in the order of the tree: spans `s1`, `s2` …, traces `t1` …, also in attributes
/// that hold one. The JSON form has them; the text has them only [on request](Self::with_ids).
/// Times are left out, except with [`with_times`](Self::with_times).
///
/// # Order
///
/// Siblings are in the order in which they started, but those that overlapped are sorted by their
/// contents. If branches are so short that they overlap in one run and not in the next, or if the
/// clock stands still, name the spans whose children have no fixed order:
/// [`sort_under`](Self::sort_under), [`sort_all`](Self::sort_all).
///
/// # JSON
///
/// A list of spans, each after its parent. The list is flat, so trees may have any depth.
///
/// ```
/// use raaf_testkit::build;
///
/// let spans = build::pipeline("Import").child(build::tool("parse").attribute("lines", 3)).spans();
/// let json = serde_json::to_value(spans.to_snapshot())?;
/// assert_eq!(json, serde_json::json!([
///     { "id": "s1", "parent": null, "kind": "pipeline", "component": "Import", "method": "run",
///       "status": "ok" },
///     { "id": "s2", "parent": "s1", "kind": "tool", "component": "parse", "method": "run",
///       "status": "ok", "attributes": { "lines": 3 } },
/// ]));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a snapshot is there to be compared"]
pub struct Snapshot {
    spans: Spans,
    options: Options,
}

#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
struct Options {
    ids: bool,
    times: bool,
    names: bool,
    redacted: Vec<Pattern>,
    left_out: Vec<Pattern>,
    sort_all: bool,
    sort_under: Vec<String>,
}

/// A key, or a prefix if it ends in `*`.
#[derive(Clone, Debug)]
struct Pattern(String);

impl Pattern {
    fn holds_for(&self, key: &str) -> bool {
        self.0.strip_suffix('*').map_or(self.0 == key, |start| key.starts_with(start))
    }
}

impl Snapshot {
    /// Shows the ids `s1`, `s2` … in the text as well.
    pub fn with_ids(mut self) -> Self {
        self.options.ids = true;
        self
    }

    /// Adds the start of each span, relative to the first one, and its duration. Use it with
    /// [deterministic](crate::CaptureBuilder::deterministic) captures and built trees.
    ///
    /// ```
    /// use raaf_testkit::build;
    ///
    /// let tree = build::pipeline("Import").child(build::tool("parse"));
    /// assert_eq!(tree.spans().to_snapshot().with_times().to_string(), r#"
    /// pipeline "Import" (+0ns, 3ms)
    /// └── tool "parse" (+1ms, 1ms)
    /// "#.trim_start());
    /// ```
    pub fn with_times(mut self) -> Self {
        self.options.times = true;
        self
    }

    /// Adds the spans' names.
    pub fn with_names(mut self) -> Self {
        self.options.names = true;
        self
    }

    /// Shows the attribute without its value, which differs from run to run. A key that ends in `*`
    /// matches all keys with that prefix. Applies to spans, events and metadata.
    ///
    /// ```
    /// use raaf_testkit::build;
    ///
    /// let tree = build::llm("gpt")
    ///     .attribute("gen_ai.response.id", "resp_68a1")
    ///     .attribute("gen_ai.usage.input_tokens", 12);
    /// assert_eq!(tree.spans().to_snapshot().redact("gen_ai.response.*").to_string(), r#"
    /// llm "gpt"
    ///       gen_ai.response.id = [redacted]
    ///       gen_ai.usage.input_tokens = 12
    /// "#.trim_start());
    /// ```
    pub fn redact(mut self, key: impl Into<String>) -> Self {
        self.options.redacted.push(Pattern(key.into()));
        self
    }

    /// Leaves out the attribute; takes the same patterns as [`redact`](Self::redact), `*` for all.
    pub fn leave_out(mut self, key: impl Into<String>) -> Self {
        self.options.left_out.push(Pattern(key.into()));
        self
    }

    /// Sorts the children of this component's spans, for children that run in parallel.
    pub fn sort_under(mut self, component: impl Into<String>) -> Self {
        self.options.sort_under.push(component.into());
        self
    }

    /// Sorts all siblings, and all roots.
    pub fn sort_all(mut self) -> Self {
        self.options.sort_all = true;
        self
    }

    fn entries(&self) -> Vec<Entry> {
        entry::entries(&self.spans, &self.options)
    }

    fn span(&self, entry: &Entry) -> Option<&FinishedSpan> {
        self.spans.all().get(entry.index)
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(f, self)
    }
}

/// Prints the [`Display`](fmt::Display) form.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
