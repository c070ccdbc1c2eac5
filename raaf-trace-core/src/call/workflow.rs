//! Workflow runs.

use std::{fmt, sync::Arc};

use smol_str::SmolStr;

use crate::{
    base::{gate, suppress},
    call::{
        CallScope,
        outcome::{Failure, PlainValue},
        work::{Fallible, Opens, Plain, Work},
    },
    component::Component,
    context::{current::Innermost, flow},
    span::{
        origin::Origin,
        record::{Held, Shared},
        start,
    },
};
use raaf_trace_model::{
    Kind,
    attributes::{Attributes, IntoValue, Key, SpanLimits, Value},
    id::TraceId,
    keys,
    propagation::SpanContext,
    span::TraceInfo,
};

/// Prepares a workflow: a span of kind `trace` that encloses everything that runs in it. Inside
/// another trace it is a part of that trace.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{current_trace_id, trace};
///
/// trace("support request").group_id("conversation-17").in_span(|| {
///     println!("working on {:?}", current_trace_id());
/// });
/// ```
pub fn trace(workflow_name: impl AsRef<str>) -> Workflow {
    Workflow {
        name: Key::from(workflow_name.as_ref().to_owned()),
        group_id: None,
        trace_id: None,
        include_content: true,
        metadata: Attributes::with_limits(SpanLimits::UNLIMITED),
    }
}

/// Builder for a workflow run; see [`trace`].
#[derive(Clone, Debug)]
#[must_use = "a workflow does nothing until it is run"]
pub struct Workflow {
    name: Key,
    group_id: Option<Key>,
    trace_id: Option<TraceId>,
    include_content: bool,
    metadata: Attributes,
}

impl Workflow {
    /// Replaces the name of the workflow.
    pub fn name(mut self, name: impl AsRef<str>) -> Self {
        self.name = Key::from(name.as_ref().to_owned());
        self
    }

    /// Sets the group of traces that this trace belongs to: a conversation, a job.
    pub fn group_id(mut self, group_id: impl AsRef<str>) -> Self {
        self.group_id = Some(Key::from(group_id.as_ref().to_owned()));
        self
    }

    /// Adds metadata of the whole trace, of which the limits for attributes hold. Replaces earlier
    /// metadata of that key.
    pub fn metadata(mut self, key: impl Into<Key>, value: impl IntoValue) -> Self {
        self.metadata.push(key, value);
        self
    }

    /// Sets the user that the workflow works for, by a name or an id that backends may see: metadata
    /// `user.id`.
    pub fn user_id(self, user_id: impl AsRef<str>) -> Self {
        self.metadata(keys::USER_ID, user_id.as_ref())
    }

    /// Sets the session that the trace belongs to, if it is not the [group](Self::group_id): metadata
    /// `session.id`.
    pub fn session_id(self, session_id: impl AsRef<str>) -> Self {
        self.metadata(keys::SESSION_ID, session_id.as_ref())
    }

    /// Sets the tags of the trace: metadata `tag.tags`.
    pub fn tags<T: AsRef<str>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        let tags: Vec<_> = tags.into_iter().map(|tag| tag.as_ref().to_owned()).collect();
        self.metadata(keys::TAGS, Value::json(&tags))
    }

    /// Sets the release of the program, such as `1.4.0`: metadata `service.version`.
    pub fn release(self, release: impl AsRef<str>) -> Self {
        self.metadata(keys::RELEASE, release.as_ref())
    }

    /// Sets the environment that the program is deployed in, such as `production`: metadata
    /// `deployment.environment.name`.
    pub fn environment(self, environment: impl AsRef<str>) -> Self {
        self.metadata(keys::ENVIRONMENT, environment.as_ref())
    }

    /// Sets the name and the version of the prompt template that the model calls use: metadata
    /// `gen_ai.prompt.name` and `gen_ai.prompt.version`. A call that has these attributes itself uses
    /// another one.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::trace;
    ///
    /// let workflow = trace("support").release("1.4.0").environment("production");
    /// workflow.prompt("triage", 3).in_span(|| { /* … */ });
    /// ```
    pub fn prompt(self, name: impl AsRef<str>, version: impl fmt::Display) -> Self {
        self.metadata(keys::GEN_AI_PROMPT_NAME, name.as_ref())
            .metadata(keys::GEN_AI_PROMPT_VERSION, version.to_string())
    }

    /// Sets the id of the trace, if the workflow starts one.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{MemoryExporter, TraceId, TracerProvider, current_trace_id, trace};
    ///
    /// let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
    /// let id = TraceId::random();
    /// provider.run(|| {
    ///     trace("request").trace_id(id).in_span(|| {
    ///         assert_eq!(current_trace_id(), Some(id));
    ///         // Inside another trace the id has no effect:
    ///         trace("part").trace_id(TraceId::random()).in_span(|| {
    ///             assert_eq!(current_trace_id(), Some(id));
    ///         });
    ///     });
    /// });
    /// ```
    pub fn trace_id(mut self, trace_id: TraceId) -> Self {
        self.trace_id = Some(trace_id);
        self
    }

    /// Sets whether content by users, models and tools is recorded in this workflow. If not, it is
    /// left out like [for a whole provider](crate::TracerProviderBuilder::include_sensitive_data),
    /// in everything that runs inside, including other threads and tasks. Content that is left out
    /// around the workflow stays left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Component, Traceable as _, trace};
    ///
    /// let records = Component::tool("Records");
    /// trace("patient's question").include_sensitive_data(false).in_span(|| {
    ///     records.traced("search").with_content("tool.arguments", "a name").in_span(|| { /* … */ });
    /// });
    /// ```
    pub fn include_sensitive_data(mut self, include: bool) -> Self {
        self.include_content = include;
        self
    }

    /// Runs work that returns a plain value: a closure at once, a future when it is awaited; see
    /// [`Call::in_span`](crate::call::Call::in_span).
    pub fn in_span<W, Mode, UseTryInSpanForResults>(self, work: W) -> W::Traced<Plain<Self>>
    where
        W: Work<Mode>,
        W::Value: PlainValue<UseTryInSpanForResults>,
    {
        work.run_in(Plain(self))
    }

    /// Runs work that returns a `Result`; an `Err` sets the status of the workflow's span to error.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::trace;
    ///
    /// let total = trace("sum").try_in_span(|| Ok::<_, std::num::ParseIntError>("1".parse::<i32>()? + 1));
    /// assert_eq!(total, Ok(2));
    /// ```
    pub fn try_in_span<W, Mode, V, E, Via>(self, work: W) -> W::Traced<Fallible<Self, Via>>
    where
        W: Work<Mode, Value = Result<V, E>>,
        E: Failure<Via>,
    {
        work.run_in(Fallible::new(self))
    }

    fn start(self) -> Option<Shared> {
        let Self { name, group_id, trace_id, include_content, metadata } = self;
        if !gate::is_open() || suppress::active() {
            return None;
        }
        let component = Component::unlisted(Kind::Trace, SmolStr::from(&*name));
        let current = flow::current();
        let id = trace_id.filter(|_| !current.innermost.is_some());
        let named = id.map(|id| Innermost::Remote(Arc::new(SpanContext::of_trace(id))).into());
        let info = TraceInfo { workflow_name: Some(name), group_id, metadata };
        let origin = Origin::of_workflow(&component, named, &current, info)?;
        let origin = origin.with_content(include_content);
        let losses = origin.losses_of_trace();
        Some(start::start(origin, component, Key::from_static("run"), None, None, |attributes| {
            attributes.add_losses(losses);
        }))
    }
}

impl Opens for Workflow {
    type Hook = ();

    fn open(self) -> (CallScope, ()) {
        (CallScope::around(self.start().map(Held::Shared)), ())
    }
}
