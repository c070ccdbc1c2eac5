//! Checks of what goes into an agent and what comes out.

use std::{error::Error, fmt, future::Future, sync::Arc};

use futures::future::BoxFuture;
use raaf_trace_core::{Attributes, Component, Kind, TraceableExt as _, keys};
use serde::{Deserialize, Serialize};

use crate::runner::RunContext;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;
type Check =
    dyn Fn(RunContext, String) -> BoxFuture<'static, Result<Verdict, BoxError>> + Send + Sync;

/// A check of what goes into an agent, or of what comes out. If it objects, the run stops.
///
/// On the way in it sees the text of the user's last message, once a run, and only that of the
/// agent that the run begins with. It runs beside the model's first call, and that is dropped if the
/// guardrail objects; [`before_model`](Self::before_model) spends nothing on a model first. Tools
/// are not called before all have agreed. On the way out it sees the answer.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, Guardrail, RunError, ScriptedModel, Verdict};
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
/// assert!(matches!(error, RunError::Guardrail { guardrail, .. } if guardrail == "polite"));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Guardrail {
    component: Component,
    check: Arc<Check>,
    before_model: bool,
}

/// What a guardrail says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    objection: Option<String>,
}

/// Which side of an agent a guardrail is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardrailStage {
    /// It checks what goes in.
    Input,
    /// It checks what comes out.
    Output,
}

impl Verdict {
    /// Nothing to object.
    pub fn pass() -> Self {
        Self { objection: None }
    }

    /// The run is to stop, for that reason.
    pub fn trip(reason: impl Into<String>) -> Self {
        Self { objection: Some(reason.into()) }
    }

    /// Stops the run, for that reason, if `objects`.
    pub fn trip_if(objects: bool, reason: impl Into<String>) -> Self {
        if objects { Self::trip(reason) } else { Self::pass() }
    }

    pub(crate) fn into_objection(self) -> Option<String> {
        self.objection
    }

    /// Whether the run is to stop.
    pub fn is_tripped(&self) -> bool {
        self.objection.is_some()
    }

    /// Why the run is to stop.
    pub fn objection(&self) -> Option<&str> {
        self.objection.as_deref()
    }
}

impl Guardrail {
    /// A check of the text alone, which cannot fail.
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

    /// A check that sees the run's context too, and can fail: then the run fails.
    pub fn with_context<F, E>(
        name: impl AsRef<str>,
        check: impl Fn(RunContext, String) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Verdict, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let component = Component::new(name).with_kind(Kind::Guardrail);
        let check = move |context, text| -> BoxFuture<'static, _> {
            let verdict = check(context, text);
            Box::pin(async move { verdict.await.map_err(Into::into) })
        };
        Self { component, check: Arc::new(check), before_model: false }
    }

    /// The same; on the way in, the model is asked only once it has agreed.
    #[must_use]
    pub fn before_model(mut self) -> Self {
        self.before_model = true;
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.component.name()
    }

    pub(crate) fn is_before_model(&self) -> bool {
        self.before_model
    }

    /// What it says of this text, in a span.
    pub(crate) async fn check(
        &self,
        context: &RunContext,
        stage: GuardrailStage,
        text: &str,
    ) -> Result<Verdict, BoxError> {
        let stage = match stage {
            GuardrailStage::Input => "input",
            GuardrailStage::Output => "output",
        };
        self.component
            .traced("run")
            .with(keys::GUARDRAIL_NAME, self.name())
            .with(keys::GUARDRAIL_STAGE, stage)
            .on_result(|verdict: &Verdict, attributes: &mut Attributes| {
                attributes.set(keys::GUARDRAIL_TRIGGERED, verdict.is_tripped());
                attributes.set_content(keys::GUARDRAIL_OBJECTION, verdict.objection());
            })
            .try_run_async((self.check)(context.clone(), text.to_owned()))
            .await
    }
}

impl fmt::Debug for Guardrail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guardrail")
            .field("name", &self.name())
            .field("before_model", &self.before_model)
            .finish_non_exhaustive()
    }
}
