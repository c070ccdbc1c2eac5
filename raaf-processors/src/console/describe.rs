//! Formats spans as lines of text.

use std::time::Duration;

use anstyle::Style;
use raaf_trace_model::{
    Kind,
    attributes::ValueRef,
    id::{SpanId, TraceId},
    keys,
    naming::distinct_method,
    span::{FinishedSpan, SpanError, StartedSpan, Status},
};
use serde_json::Value as Json;

use super::{
    events::{Described, push_changes, told},
    paint::{BOLD, DIM, PLAIN, Paint, YELLOW, columns, push},
    text::{broken, fits, push_fitted},
    tree::{DEEPEST, Usage, push_margin},
    units::HumanDuration,
};

/// Width that lines are cut to, in columns; a deep margin and details can make them wider.
const LINE: usize = 100;
/// Largest width of a component's or a method's name.
const NAME: usize = 60;
/// Smallest width of a name that is cut to fit the line.
const SHORT_NAME: usize = 12;
/// Smallest width of an error that is cut to fit the line.
const SHORT_ERROR: usize = 30;
/// Smallest width of an error that a child shows, too.
const TOLD_ERROR: usize = 16;
/// Width of most durations. Shorter ones count as much, so that a line is not cut differently in each
/// run.
const DURATION: usize = 7;
/// Largest width of an attribute, and of a reason for skipping a step.
const VALUE: usize = 120;
/// Largest number of attributes shown: all of them, unless the span limits were raised.
const ATTRIBUTES: usize = 128;
/// Largest number of events shown.
const EVENTS: usize = 16;
/// Largest number of lines of an error's message, and of a source.
const ERROR_LINES: usize = 4;
/// Largest number of them if details are shown.
const ALL_ERROR_LINES: usize = 12;
/// Largest number of error sources shown.
const CAUSES: usize = 5;

/// Options for describing spans.
#[derive(Clone, Copy, Debug)]
pub(super) struct Describe {
    pub(super) paint: Paint,
    pub(super) detailed: bool,
}

/// Facts that a span's line shows about the tree around the span.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Summary {
    /// Tokens and cost of the span and of those below it.
    pub(super) usage: Usage,
    /// Time between the start of the tree and that of the span.
    pub(super) offset: Option<Duration>,
    /// Time in which none of its children ran.
    pub(super) own: Option<Duration>,
    /// True if a child shows the same error.
    pub(super) told: bool,
    /// True if the span has not ended.
    pub(super) is_open: bool,
}

/// Extent of an error that a line shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Shown {
    Part,
    Message,
    Causes,
}

/// Position of a span in its tree, which decides the margin of the lines below it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Margin<'a> {
    /// True for each level above the span at which a sibling follows.
    pub(super) levels: &'a [bool],
    pub(super) has_children: bool,
}

impl Describe {
    /// Appends `Agent:Writer.review  +40 ms  1.2 s  self 3 ms  ✓ ok  310 tokens in, 25 out  $0.0123`, the
    /// error
    /// with `causes`, and a line feed. The rest of the error follows on separate lines.
    pub(super) fn span(
        self,
        out: &mut String,
        span: &FinishedSpan,
        Summary { usage, offset, own, told, is_open }: Summary,
        causes: &[Json],
        margin: Margin<'_>,
    ) {
        let mut facts = String::new();
        let mut width = offset.map_or(0, |offset| self.time(&mut facts, "+", offset, DIM));
        let mut rest = String::from("  ");
        if is_open {
            self.paint.styled(&mut rest, YELLOW, |rest| rest.push_str("… not ended"));
        } else {
            width += self.time(&mut facts, "", span.duration(), PLAIN);
            self.outcome(&mut rest, span);
        }
        self.resumed(&mut rest, span);
        self.retries(&mut rest, span);
        let mut changes = String::new();
        push_changes(&mut changes, span);
        let mut used = String::new();
        usage.push(&mut used);
        width += margin.columns() + columns(&rest) + columns(&used);
        let least = match (span.error(), told) {
            (None, _) => 0,
            (Some(_), true) => 2 + TOLD_ERROR,
            (Some(_), false) => 2 + SHORT_ERROR,
        };
        // Left out first where the line is too long, after the own time.
        let changes_width = if changes.is_empty() { 0 } else { 2 + columns(&changes) };
        if changes_width > 0 && width + changes_width + least + 2 * SHORT_NAME <= LINE {
            rest.push_str("  ");
            self.paint.styled(&mut rest, YELLOW, |rest| rest.push_str(&changes));
            width += changes_width;
        }
        rest.push_str(&used);
        let mut own_time = String::new();
        let own_width = own.map_or(0, |own| self.time(&mut own_time, "self ", own, DIM));
        if width + own_width + least + 2 * SHORT_NAME <= LINE {
            facts.push_str(&own_time);
            width += own_width;
        }
        let names = LINE.saturating_sub(width + least);
        width += self.label(out, span.kind(), span.component_name(), span.method(), names);
        out.push_str(&facts);
        out.push_str(&rest);
        let room = LINE.saturating_sub(width).max(least).saturating_sub(2);
        let shown = self.error(out, span, causes, room);
        self.ids(out, span.trace_id(), span.span_id());
        out.push('\n');
        if shown < Shown::Message && !told {
            self.error_lines(
                out,
                span,
                "message: ",
                span.error().and_then(SpanError::message),
                margin,
            );
        }
        if shown < Shown::Causes {
            self.causes(out, span, causes, margin);
        }
    }

    /// Appends a time after two spaces. Returns the width that it takes.
    fn time(self, out: &mut String, word: &str, time: Duration, style: Style) -> usize {
        let text = HumanDuration(time).to_string();
        out.push_str("  ");
        self.paint.styled(out, style, |out| push(out, format_args!("{word}{text}")));
        2 + word.len() + text.chars().count().max(DURATION)
    }

    /// Appends the span's error, with its causes if they fit the room as well.
    fn error(self, out: &mut String, span: &FinishedSpan, causes: &[Json], room: usize) -> Shown {
        let Some(error) = span.error() else { return Shown::Causes };
        let own = [error.kind()].into_iter().chain(error.message());
        let causes = causes.iter().map(|cause| cause.as_str().unwrap_or_default());
        let all = own.clone().chain(causes).collect::<Vec<_>>().join(": ");
        let own = own.collect::<Vec<_>>().join(": ");
        let (text, shown) = if fits(&all, room) {
            (&all, Shown::Causes)
        } else if fits(&own, room) {
            (&own, Shown::Message)
        } else {
            (&own, Shown::Part)
        };
        out.push_str("  ");
        self.paint.styled(out, Paint::mark(span.status()).1, |out| {
            push_fitted(out, room, text);
        });
        shown
    }

    /// Appends that the work goes on where it had paused or was interrupted, if it does.
    fn resumed(self, out: &mut String, span: &FinishedSpan) {
        if span.attributes().get(keys::RESUMED) == Some(ValueRef::Bool(true)) {
            out.push_str("  ");
            self.paint.styled(out, YELLOW, |out| out.push_str("resumed"));
        }
    }

    /// Appends how often the call was tried again, if it was.
    fn retries(self, out: &mut String, span: &FinishedSpan) {
        let count = |key| span.attributes().get(key).and_then(ValueRef::as_i64);
        let retries = count(keys::RETRY_COUNT)
            .or_else(|| count(keys::STEP_ATTEMPTS)?.checked_sub(1))
            .filter(|retries| *retries > 0);
        let Some(retries) = retries else { return };
        let word = if retries == 1 { "retry" } else { "retries" };
        out.push_str("  ");
        self.paint.styled(out, YELLOW, |out| push(out, format_args!("{retries} {word}")));
    }

    /// Appends the outcome: the status, or that the work has paused or the step was skipped.
    fn outcome(self, out: &mut String, span: &FinishedSpan) {
        let attributes = span.attributes();
        let is_set = |key| attributes.get(key) == Some(ValueRef::Bool(true));
        if is_set(keys::PAUSED) && span.status() == Status::Unset {
            return self.paint.styled(out, YELLOW, |out| out.push_str("‖ paused"));
        }
        let skipped = is_set(keys::STEP_SKIPPED);
        if !skipped || span.status() != Status::Ok {
            return self.paint.status(out, span.status());
        }
        self.paint.styled(out, YELLOW, |out| out.push_str("⊘ skipped"));
        if let Some(reason) = attributes.get(keys::STEP_SKIP_REASON) {
            out.push_str(" (");
            push_fitted(out, NAME, reason);
            out.push(')');
        }
    }

    /// Appends a line for each of these sources of the span's error.
    fn causes(self, out: &mut String, span: &FinishedSpan, causes: &[Json], margin: Margin<'_>) {
        for cause in causes.iter().take(CAUSES) {
            self.error_lines(out, span, "caused by: ", cause.as_str(), margin);
        }
        self.more(out, causes.len().saturating_sub(CAUSES), "causes", margin);
    }

    /// Appends a text of the span's error, on lines of its own.
    fn error_lines(
        self,
        out: &mut String,
        span: &FinishedSpan,
        word: &str,
        text: Option<&str>,
        margin: Margin<'_>,
    ) {
        let room = LINE.saturating_sub(margin.columns() + 6 + word.len()).max(SHORT_ERROR);
        let most = if self.detailed { ALL_ERROR_LINES } else { ERROR_LINES };
        let mut word = word.to_owned();
        for line in broken(text.unwrap_or_default(), room, most) {
            self.below(out, margin, |out| {
                self.paint.styled(out, Paint::mark(span.status()).1, |out| {
                    out.push_str(&word);
                    push_fitted(out, room, line);
                });
            });
            word = " ".repeat(word.len());
        }
    }

    /// Appends a line for each attribute that was set, and for each event.
    pub(super) fn details(self, out: &mut String, span: &FinishedSpan, margin: Margin<'_>) {
        let attributes = span.attributes();
        let set = attributes.stored();
        for (key, value) in set.iter().take(ATTRIBUTES) {
            self.below(out, margin, |out| {
                self.paint.styled(out, DIM, |out| {
                    push_fitted(out, NAME, key);
                    out.push_str(" = ");
                    push_fitted(out, VALUE, value);
                });
            });
        }
        self.more(out, set.len().saturating_sub(ATTRIBUTES), "attributes", margin);
        let events = told(span);
        let room = LINE.saturating_sub(margin.columns() + 6).max(SHORT_ERROR);
        for event in events.clone().take(EVENTS) {
            self.below(out, margin, |out| {
                self.paint.styled(out, DIM, |out| _ = push_fitted(out, room, Described(event)));
            });
        }
        self.more(out, events.count().saturating_sub(EVENTS), "events", margin);
    }

    fn more(self, out: &mut String, count: usize, what: &str, margin: Margin<'_>) {
        if count > 0 {
            self.below(out, margin, |out| {
                self.paint.styled(out, DIM, |out| push(out, format_args!("+ {count} more {what}")));
            });
        }
    }

    /// Appends a line below that of a span.
    fn below(self, out: &mut String, margin: Margin<'_>, write: impl FnOnce(&mut String)) {
        self.paint.styled(out, DIM, |out| {
            push_margin(out, margin.levels);
            out.push_str(if margin.has_children { "│     " } else { "      " });
        });
        write(out);
        out.push('\n');
    }

    /// Appends the head of a tree whose root is missing.
    pub(super) fn partial(self, out: &mut String, of: &FinishedSpan) {
        push(out, format_args!("{}  ", of.trace_id()));
        self.paint.styled(out, DIM, |out| out.push_str("(partial: the enclosing span is missing)"));
        out.push('\n');
    }

    /// Appends `start  Agent:Writer` and a line feed.
    pub(super) fn start_line(self, out: &mut String, span: &StartedSpan) {
        self.paint.styled(out, DIM, |out| out.push_str("start  "));
        self.label(out, span.kind(), span.component_name(), span.method(), usize::MAX);
        self.ids(out, span.trace_id(), span.span_id());
        out.push('\n');
    }

    /// Appends `end    Agent:Writer  1.2 s  ✓ ok` and a line feed.
    pub(super) fn end_line(self, out: &mut String, span: &FinishedSpan) {
        self.paint.styled(out, DIM, |out| out.push_str("end    "));
        let margin = Margin { levels: &[], has_children: false };
        let summary = Summary { usage: Usage::of(span), ..Summary::default() };
        self.span(out, span, summary, causes_of(span), margin);
        if self.detailed {
            self.details(out, span, margin);
        }
    }

    fn ids(self, out: &mut String, trace: TraceId, span: SpanId) {
        if self.detailed {
            self.paint.styled(out, DIM, |out| push(out, format_args!("  [{trace} {span}]")));
        }
    }

    /// Appends `Agent:Writer.review`, or `Agent:Writer` for `run` and a method of the same name, with
    /// names cut to fit `room` columns. Returns the width.
    pub(super) fn label(
        self,
        out: &mut String,
        kind: &Kind,
        component: &str,
        method: &str,
        room: usize,
    ) -> usize {
        let method = distinct_method(component, method);
        let short = |method| push_fitted(&mut String::new(), SHORT_NAME, method);
        let least = method.map_or(0, |method| 1 + short(method));
        let fitting = |used: usize| NAME.min(room.saturating_sub(used).max(SHORT_NAME));
        let mut width = push_kind(out, kind) + 1;
        out.push(':');
        self.paint.styled(out, BOLD, |out| {
            width += push_fitted(out, fitting(width + least), component);
        });
        if let Some(method) = method {
            out.push('.');
            width += 1 + push_fitted(out, fitting(width + 1), method);
        }
        width
    }
}

impl Margin<'_> {
    /// Returns the width of the branch before the span.
    fn columns(self) -> usize {
        4 * self.levels.len().min(DEEPEST)
    }
}

impl Usage {
    /// Appends `  310 tokens in, 25 out  $0.0123`, as far as that is known.
    fn push(self, out: &mut String) {
        match (self.input, self.output) {
            (Some(input), Some(output)) => {
                push(out, format_args!("  {input} tokens in, {output} out"));
            }
            (Some(input), None) => push(out, format_args!("  {input} tokens in")),
            (None, Some(output)) => push(out, format_args!("  {output} tokens out")),
            (None, None) => {}
        }
        if self.cost.usd().is_some() {
            push(out, format_args!("  {}", self.cost));
        }
    }
}

/// Returns the messages of the sources of the span's error, outermost first.
pub(super) fn causes_of(span: &FinishedSpan) -> &[Json] {
    match span.error().and_then(SpanError::sources) {
        Some(Json::Array(causes)) => causes,
        _ => &[],
    }
}

/// Appends a kind in the form of a type's name: `mcp_list_tools` as `McpListTools`.
fn push_kind(out: &mut String, kind: &Kind) -> usize {
    let mut name = String::new();
    for word in kind.as_str().split('_') {
        let mut characters = word.chars();
        name.extend(characters.next().into_iter().flat_map(char::to_uppercase));
        name.push_str(characters.as_str());
    }
    push_fitted(out, NAME, name)
}
