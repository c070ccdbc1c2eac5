//! Asking the guardrails.

use futures::future;

use super::{RunError, RunProgress, calls::Caller};
use crate::guardrail::{Guardrail, GuardrailStage};

impl Caller<'_> {
    /// Asks them side by side; the first that objects is heard, and the rest are dropped.
    pub(super) async fn guard(
        self,
        stage: GuardrailStage,
        guardrails: impl IntoIterator<Item = &Guardrail>,
        text: &str,
    ) -> Result<(), RunError> {
        let checks = guardrails.into_iter().map(|guardrail| async move {
            let (agent, name) = (self.agent.name().to_owned(), guardrail.name().to_owned());
            let progress = Box::<RunProgress>::default();
            match guardrail.check(self.context, stage, text).await {
                Err(source) => {
                    Err(RunError::GuardrailFailed { agent, guardrail: name, source, progress })
                }
                Ok(verdict) => verdict.into_objection().map_or(Ok(()), |objection| {
                    let guardrail = name;
                    Err(RunError::Guardrail { agent, guardrail, stage, objection, progress })
                }),
            }
        });
        let checks: Vec<_> = checks.collect();
        future::try_join_all(checks).await.map(drop)
    }
}
