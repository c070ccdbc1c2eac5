//! Formats spans as lines of text.

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
    paint::{BOLD, DIM, Paint, YELLOW, push},
    text::push_fitted,
    tree::{Tokens, push_margin},
    units::Human,
};

/// Largest width of a component's or a method's name, in columns.
const NAME: usize = 60;
/// Largest width of an error's message.
const MESSAGE: usize = 120;
/// Largest width of an attribute.
const VALUE: usize = 120;
/// Largest number of attributes shown: all of them, unless the span limits were raised.
const ATTRIBUTES: usize = 128;
/// Largest number of error sources shown.
const CAUSES: usize = 5;

/// Options for describing spans.
#[derive(Clone, Copy, Debug)]
pub(super) struct Describe {
    pub(super) paint: Paint,
    pub(super) detailed: bool,
}

/// Position of a span in its tree, which decides the margin of the lines below it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Margin<'a> {
    /// True for each level above the span at which a sibling follows.
    pub(super) levels: &'a [bool],
    pub(super) has_children: bool,
}

impl Describe {
    /// Appends `Agent:Writer.review  1.2 s  ✓ ok  310 tokens in, 25 out` and a line feed.
    pub(super) fn span(self, out: &mut String, span: &FinishedSpan, tokens: Tokens) {
        self.label(out, span.kind(), span.component_name(), span.method());
        push(out, format_args!("  {}  ", Human(span.duration())));
        self.outcome(out, span);
        match (tokens.input, tokens.output) {
            (Some(input), Some(output)) => {
                push(out, format_args!("  {input} tokens in, {output} out"));
            }
            (Some(input), None) => push(out, format_args!("  {input} tokens in")),
            (None, Some(output)) => push(out, format_args!("  {output} tokens out")),
            (None, None) => {}
        }
        if let Some(error) = span.error() {
            out.push_str("  ");
            self.paint.styled(out, Paint::mark(span.status()).1, |out| {
                push_fitted(out, NAME, error.kind());
                if let Some(message) = error.message() {
                    out.push_str(": ");
                    push_fitted(out, MESSAGE, message);
                }
            });
        }
        self.ids(out, span.trace_id(), span.span_id());
        out.push('\n');
    }

    /// Appends the outcome: the status, or that the step was skipped.
    fn outcome(self, out: &mut String, span: &FinishedSpan) {
        let attributes = span.attributes();
        let skipped = attributes.get(keys::STEP_SKIPPED) == Some(ValueRef::Bool(true));
        if !skipped || span.status() != Status::Ok {
            return self.paint.status(out, span.status());
        }
        self.paint.styled(out, YELLOW, |out| out.push_str("⊘ skipped"));
        if let Some(reason) = attributes.get(keys::STEP_SKIP_REASON) {
            out.push_str(" (");
            push_fitted(out, MESSAGE, reason);
            out.push(')');
        }
    }

    /// Appends a line for each of these sources of the span's error.
    pub(super) fn causes(
        self,
        out: &mut String,
        span: &FinishedSpan,
        causes: &[Json],
        margin: Margin<'_>,
    ) {
        let style = Paint::mark(span.status()).1;
        for cause in causes.iter().take(CAUSES) {
            let text = cause.as_str().unwrap_or_default();
            self.below(out, margin, |out| {
                self.paint.styled(out, style, |out| {
                    out.push_str("caused by: ");
                    push_fitted(out, MESSAGE, text);
                });
            });
        }
        self.more(out, causes.len().saturating_sub(CAUSES), "causes", margin);
    }

    /// Appends a line for each attribute that was set.
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
        self.label(out, span.kind(), span.component_name(), span.method());
        self.ids(out, span.trace_id(), span.span_id());
        out.push('\n');
    }

    /// Appends `end    Agent:Writer  1.2 s  ✓ ok` and a line feed.
    pub(super) fn end_line(self, out: &mut String, span: &FinishedSpan) {
        self.paint.styled(out, DIM, |out| out.push_str("end    "));
        self.span(out, span, Tokens::of(span));
        let margin = Margin { levels: &[], has_children: false };
        self.causes(out, span, causes_of(span), margin);
        if self.detailed {
            self.details(out, span, margin);
        }
    }

    fn ids(self, out: &mut String, trace: TraceId, span: SpanId) {
        if self.detailed {
            self.paint.styled(out, DIM, |out| push(out, format_args!("  [{trace} {span}]")));
        }
    }

    /// Appends `Agent:Writer.review`, or `Agent:Writer` for `run` and a method of the same name.
    pub(super) fn label(self, out: &mut String, kind: &Kind, component: &str, method: &str) {
        push_kind(out, kind);
        out.push(':');
        self.paint.styled(out, BOLD, |out| {
            push_fitted(out, NAME, component);
        });
        if let Some(method) = distinct_method(component, method) {
            out.push('.');
            push_fitted(out, NAME, method);
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
fn push_kind(out: &mut String, kind: &Kind) {
    let mut name = String::new();
    for word in kind.as_str().split('_') {
        let mut characters = word.chars();
        name.extend(characters.next().into_iter().flat_map(char::to_uppercase));
        name.push_str(characters.as_str());
    }
    push_fitted(out, NAME, name);
}
