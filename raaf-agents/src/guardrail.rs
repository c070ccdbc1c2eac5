//! Guardrails: checks of an agent's input and answer.

use std::{fmt, future::Future, sync::Arc};

use futures::future::BoxFuture;
use raaf_trace_core::{Attributes, Component, Kind, Traceable as _, keys};
use serde::{Deserialize, Serialize};

use crate::{
    conversation::{Message, shown},
    errors::BoxError,
    run::RunContext,
};

type Checking = BoxFuture<'static, Result<Verdict, BoxError>>;

#[derive(Clone)]
enum Check {
    Text(Arc<dyn Fn(RunContext, String) -> Checking + Send + Sync>),
    Messages(Arc<dyn Fn(RunContext, Vec<Message>) -> Checking + Send + Sync>),
}

/// Text that a guardrail checks, with the conversation around it.
#[derive(Clone, Copy)]
pub(crate) struct Checked<'a> {
    pub(crate) stage: GuardrailStage,
    pub(crate) text: &'a str,
    /// The conversation that ends with the text.
    pub(crate) messages: &'a [Message],
}

/// Check of an agent's input or answer. A guardrail that objects fails the run.
///
/// An [input guardrail](crate::AgentBuilder::input_guardrail) checks the text of the last user
/// message, once a run, for the agent that the run starts with. It runs concurrently with the first
/// model call, which is dropped if the guardrail objects; see [`before_model`](Self::before_model).
/// No tool is called before all input guardrails pass.
///
/// An [output guardrail](crate::AgentBuilder::output_guardrail) checks the answer.
///
/// Guardrails of a [run's configuration](crate::RunConfig::input_guardrail) apply whichever agents take
/// part in it. To check images, files or the conversation so far, create a guardrail by
/// [`of_messages`](Self::of_messages).
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, Guardrail, RunErrorKind, ScriptedModel, Verdict};
///
/// let polite = Guardrail::new("polite", |text: String| async move {
///     if text.contains("stupid") { Verdict::trip("it is rude") } else { Verdict::pass() }
/// });
/// let agent = Agent::builder("Helper", ScriptedModel::new("scripted", ["Of course."]))
///     .input_guardrail(polite)
///     .build();
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let error = agent.run("Answer, stupid machine!").await.unwrap_err();
/// assert!(matches!(error.kind, RunErrorKind::Guardrail { guardrail, .. } if guardrail == "polite"));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Guardrail {
    component: Component,
    check: Check,
    before_model: bool,
}

/// Result of a guardrail's check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    objection: Option<String>,
}

/// Subject of a guardrail's check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardrailStage {
    /// The input.
    Input,
    /// The answer.
    Output,
}

impl Verdict {
    /// Creates a verdict without an objection.
    pub fn pass() -> Self {
        Self { objection: None }
    }

    /// Creates a verdict that fails the run for this reason.
    pub fn trip(reason: impl Into<String>) -> Self {
        Self { objection: Some(reason.into()) }
    }

    /// Creates a verdict that fails the run for this reason if `objects` is true.
    pub fn trip_if(objects: bool, reason: impl Into<String>) -> Self {
        if objects { Self::trip(reason) } else { Self::pass() }
    }

    pub(crate) fn into_objection(self) -> Option<String> {
        self.objection
    }

    /// Returns whether the guardrail objects.
    pub fn is_tripped(&self) -> bool {
        self.objection.is_some()
    }

    /// Returns the reason of an objection.
    pub fn objection(&self) -> Option<&str> {
        self.objection.as_deref()
    }
}

impl Guardrail {
    /// Creates a guardrail from a function of the text that cannot fail.
    pub fn new<F>(
        name: impl AsRef<str>,
        check: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Verdict> + Send + 'static,
    {
        Self::with_context(name, move |_, text| {
            let verdict = check(text);
            async move { Ok::<_, BoxError>(verdict.await) }
        })
    }

    /// Creates a guardrail from a function of the run's context and the text. An error fails the
    /// run with [`RunErrorKind::GuardrailFailed`](crate::RunErrorKind::GuardrailFailed).
    pub fn with_context<F, E>(
        name: impl AsRef<str>,
        check: impl Fn(RunContext, String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Verdict, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self::of(name, Check::Text(Arc::new(move |context, text| boxed(check(context, text)))))
    }

    /// Creates a guardrail from a function of the run's context and the conversation. For an input
    /// guardrail it ends with the input, for an output guardrail with the answer.
    ///
    /// ```
    /// use raaf_agents::{Guardrail, Message, Part, RunContext, Verdict};
    ///
    /// let no_images = Guardrail::of_messages(
    ///     "no_images",
    ///     |_: RunContext, messages: Vec<Message>| async move {
    ///         let mut parts = messages.iter().flat_map(|message| &message.parts);
    ///         let has_image = parts.any(|part| matches!(part, Part::Image(_)));
    ///         Ok::<_, std::convert::Infallible>(Verdict::trip_if(has_image, "it has an image"))
    ///     },
    /// );
    /// ```
    pub fn of_messages<F, E>(
        name: impl AsRef<str>,
        check: impl Fn(RunContext, Vec<Message>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Verdict, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let check = move |context, messages| boxed(check(context, messages));
        Self::of(name, Check::Messages(Arc::new(check)))
    }

    fn of(name: impl AsRef<str>, check: Check) -> Self {
        let component = Component::new(name).with_kind(Kind::Guardrail);
        Self { component, check, before_model: false }
    }

    /// Delays the first model call until this guardrail passes, so that a rejected input costs no
    /// tokens. Has no effect on output guardrails.
    #[must_use]
    pub fn before_model(mut self) -> Self {
        self.before_model = true;
        self
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        self.component.name()
    }

    pub(crate) fn is_before_model(&self) -> bool {
        self.before_model
    }

    /// Checks a text or the conversation that it is part of, in a span.
    pub(crate) async fn check(
        &self,
        context: &RunContext,
        checked: Checked<'_>,
    ) -> Result<Verdict, BoxError> {
        let Checked { stage, text, messages } = checked;
        let stage = match stage {
            GuardrailStage::Input => "input",
            GuardrailStage::Output => "output",
        };
        let context = context.clone();
        self.component
            .traced("run")
            .with(keys::GUARDRAIL_NAME, self.name())
            .with(keys::GUARDRAIL_STAGE, stage)
            .with_attributes(|attributes| match &self.check {
                Check::Text(_) => drop(attributes.set_content(keys::INPUT, text)),
                Check::Messages(_) => {
                    attributes.set_content_with(keys::INPUT, || shown::of_conversation(messages));
                }
            })
            .on_result(|verdict: &Verdict, attributes: &mut Attributes| {
                attributes.set(keys::GUARDRAIL_TRIGGERED, verdict.is_tripped());
                attributes.set_content(keys::GUARDRAIL_OBJECTION, verdict.objection());
                attributes.set_content(keys::OUTPUT, verdict.objection().unwrap_or("passed"));
            })
            .try_in_span(match &self.check {
                Check::Text(check) => check(context, text.to_owned()),
                Check::Messages(check) => check(context, messages.to_vec()),
            })
            .await
    }
}

fn boxed<E: Into<BoxError>>(
    verdict: impl Future<Output = Result<Verdict, E>> + Send + 'static,
) -> Checking {
    Box::pin(async move { verdict.await.map_err(Into::into) })
}

impl fmt::Debug for Guardrail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guardrail")
            .field("name", &self.name())
            .field("before_model", &self.before_model)
            .finish_non_exhaustive()
    }
}
