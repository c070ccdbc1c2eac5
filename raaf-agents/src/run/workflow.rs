//! Spans around runs: the attributes that they take from the runs inside.

use raaf_trace_core::{Kind, Span, Value, attributes::IntoValue, current_span, keys};

/// Root of a trace in which something runs: the first input and the last output are its own, because
/// lists of traces show those of the root.
pub(crate) struct Root(Option<Span>);

impl Root {
    /// Returns the root of the current trace, if it is a runner, a workflow or a request to a server, and
    /// no agent, tool, model call or pipeline is between it and the current span.
    pub(crate) fn current() -> Self {
        Self(current_span().filter(includes_content).and_then(root_of))
    }

    /// Sets the input, unless there is one.
    pub(crate) fn set_input(&self, input: impl FnOnce() -> Option<Value>) {
        if let Some(root) = self.0.as_ref().filter(|root| root.attribute(keys::INPUT).is_none()) {
            root.set_content(keys::INPUT, input());
        }
    }

    /// Sets the output.
    pub(crate) fn set_output(&self, output: impl FnOnce() -> Value) {
        if let Some(root) = &self.0 {
            root.set_content(keys::OUTPUT, output());
        }
    }
}

fn includes_content(span: &Span) -> bool {
    let mut includes = false;
    span.set_attributes(|attributes| includes = attributes.limits().include_content);
    includes
}

fn root_of(current: Span) -> Option<Span> {
    // An agent, a tool, a model call or a pipeline around this span sets the root's content itself.
    let runs = |span: &Span| {
        let kinds = [Kind::Agent, Kind::Tool, Kind::Llm, Kind::Pipeline];
        !span.is_local_root() && kinds.contains(&span.kind())
    };
    let is_root = |span: &Span| {
        let is_kind = matches!(span.kind(), Kind::Trace | Kind::Runner) || span.kind() == "server";
        span.is_local_root() && is_kind
    };
    let around: Vec<_> = current.enclosing().collect();
    let mut all = std::iter::once(current).chain(around);
    all.find(|span| span.is_local_root() || runs(span)).filter(is_root)
}

/// Sets the provider of the current span, if that is a workflow without one.
pub(crate) fn set_provider(provider: Option<&str>) {
    if let Some(span) = current_span() {
        set(&span, provider);
    }
}

/// Runs work in the span of a workflow that is a part of another one. That has the same provider, if
/// it has none of its own.
pub(crate) fn of_part<W: Future>(work: W) -> impl Future<Output = W::Output> {
    let around = current_span();
    async move {
        let done = work.await;
        if let (Some(around), Some(part)) = (around, current_span()) {
            set(&around, part.attribute(keys::GEN_AI_PROVIDER_NAME));
        }
        done
    }
}

fn set(span: &Span, provider: impl IntoValue) {
    let kind = span.kind();
    let is_workflow = matches!(kind, Kind::Trace | Kind::Runner | Kind::Pipeline) || kind == "step";
    if is_workflow && span.attribute(keys::GEN_AI_PROVIDER_NAME).is_none() {
        span.set_attribute(keys::GEN_AI_PROVIDER_NAME, provider);
    }
}
