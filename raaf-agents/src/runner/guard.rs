//! Guardrail checks.

use futures::future;

use super::{RunErrorKind, calls::Caller};
use crate::guardrail::{Checked, Guardrail};

impl<'a> Caller<'a> {
    pub(super) fn input_guardrails(self) -> impl Iterator<Item = &'a Guardrail> {
        self.runner.config.input_guardrails.iter().chain(self.agent.input_guardrails())
    }

    /// Runs guardrails concurrently. The first objection or error drops the others.
    pub(super) async fn guard(
        self,
        guardrails: impl IntoIterator<Item = &Guardrail>,
        checked: Checked<'_>,
    ) -> Result<(), RunErrorKind> {
        let checks = guardrails.into_iter().map(|guardrail| async move {
            let name = || guardrail.name().to_owned();
            match guardrail.check(self.context, checked).await {
                Err(source) => Err(RunErrorKind::GuardrailFailed { guardrail: name(), source }),
                Ok(verdict) => verdict.into_objection().map_or(Ok(()), |objection| {
                    let stage = checked.stage;
                    Err(RunErrorKind::Guardrail { guardrail: name(), stage, objection })
                }),
            }
        });
        let checks: Vec<_> = checks.collect();
        future::try_join_all(checks).await.map(drop)
    }
}
