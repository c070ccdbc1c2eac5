//! Guardrail checks.

use futures::future;

use super::{RunErrorKind, calls::Caller};
use crate::guardrail::{Guardrail, GuardrailStage};

impl Caller<'_> {
    /// Runs guardrails concurrently. The first objection or error drops the others.
    pub(super) async fn guard(
        self,
        stage: GuardrailStage,
        guardrails: impl IntoIterator<Item = &Guardrail>,
        text: &str,
    ) -> Result<(), RunErrorKind> {
        let checks = guardrails.into_iter().map(|guardrail| async move {
            let name = || guardrail.name().to_owned();
            match guardrail.check(self.context, stage, text).await {
                Err(source) => Err(RunErrorKind::GuardrailFailed { guardrail: name(), source }),
                Ok(verdict) => verdict.into_objection().map_or(Ok(()), |objection| {
                    Err(RunErrorKind::Guardrail { guardrail: name(), stage, objection })
                }),
            }
        });
        let checks: Vec<_> = checks.collect();
        future::try_join_all(checks).await.map(drop)
    }
}
