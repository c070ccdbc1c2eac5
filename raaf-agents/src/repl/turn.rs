//! Turn of a chat: the run of one line.

use std::{io, pin::pin};

use futures::{
    StreamExt as _,
    future::{self, Either},
};
use tokio_util::sync::CancellationToken;

use super::{Chat, approvals::Asked, interrupt, screen::Screen};
use crate::{
    agent::Agent,
    errors::with_causes,
    run::{RunEvent, RunResult},
    runner::{RunError, RunErrorKind, RunStream},
};

impl Chat {
    /// Runs the agent and shows what it does. Returns false if the input has ended.
    pub(super) async fn turn(&mut self, text: String) -> io::Result<bool> {
        let first = self.agent.clone();
        let token = self.ending.child_token();
        let config = self.config.clone().cancellation(token.clone());
        let runner = self.runner.clone().with_config(config);
        let mut run = runner.stream(&first, text);
        let goes_on = loop {
            let error = match self.follow(&mut run, &token).await? {
                Ok(result) => {
                    self.goes_on_with(result.last_agent());
                    break true;
                }
                Err(error) => error,
            };
            self.goes_on_with(error.progress.last_agent());
            let state = match error.into_state() {
                Ok(state) if !state.pending().is_empty() => state,
                Ok(_) => {
                    self.screen.line("(paused)")?;
                    break true;
                }
                Err(RunError { kind: RunErrorKind::Cancelled, .. }) => {
                    self.screen.line("(cancelled)")?;
                    break true;
                }
                Err(error) => {
                    self.screen.line(&format!("✗ {}", with_causes(&error)))?;
                    break true;
                }
            };
            match self.decide(state).await? {
                Asked::Decided(state) => run = runner.resume_stream(&first, *state),
                Asked::Cancelled => {
                    self.screen.line("(cancelled)")?;
                    break true;
                }
                Asked::Ended => {
                    self.screen.line("(ended while a call waited for an approval)")?;
                    break false;
                }
            }
        };
        self.screen.end_turn()?;
        Ok(goes_on)
    }

    fn goes_on_with(&mut self, agent: Option<&Agent>) {
        if let Some(agent) = agent {
            self.agent = agent.clone();
        }
    }

    /// Shows the events of a run until it ends. An interrupt cancels it.
    async fn follow(
        &mut self,
        run: &mut RunStream,
        token: &CancellationToken,
    ) -> io::Result<Result<RunResult, RunError>> {
        // What was shown of the last message.
        let mut shown = String::new();
        loop {
            let interrupted = pin!(interrupt(&mut self.interrupts));
            let event = match future::select(run.next(), interrupted).await {
                Either::Left((event, _)) => event,
                Either::Right(_) => {
                    token.cancel();
                    continue;
                }
            };
            match event {
                Some(Ok(RunEvent::Done(result))) => {
                    // A model that does not stream, a tool or a hook may have made the answer.
                    if shown.trim() != result.output.trim() {
                        self.screen.end_line()?;
                        self.screen.piece(&result.output)?;
                    }
                    return Ok(Ok(*result));
                }
                Some(Ok(event)) => show(&mut self.screen, &event, &mut shown, "")?,
                Some(Err(error)) => return Ok(Err(error)),
                None => return Err(io::Error::other("a run has ended without a result")),
            }
        }
    }
}

/// Shows an event. The text of a run inside a tool is left out, because it is the tool's result.
fn show(screen: &mut Screen, event: &RunEvent, shown: &mut String, indent: &str) -> io::Result<()> {
    match event {
        RunEvent::TextDelta { text, .. } | RunEvent::RefusalDelta { text, .. }
            if indent.is_empty() =>
        {
            shown.push_str(text);
            screen.piece(text)
        }
        RunEvent::ToolCall { call, .. } => {
            shown.clear();
            screen.short_line(&format!("{indent}· {}({})", call.name, call.arguments))
        }
        RunEvent::HostedCall { call, .. }
            if call.is_over() && (call.is_call() || call.is_failed()) =>
        {
            let server = call.server.as_ref().map(|server| format!("{server}/"));
            let name = format!("{}{}", server.unwrap_or_default(), call.display_name());
            screen.short_line(&match &call.error {
                Some(error) => format!("{indent}✗ {name}: {error}"),
                None if call.is_failed() => format!("{indent}✗ {name}"),
                None if call.arguments.is_null() => format!("{indent}· {name}"),
                None => format!("{indent}· {name}({})", call.arguments),
            })
        }
        RunEvent::ToolResult { tool, content, is_error, .. } => {
            let mark = if *is_error { "✗" } else { "✓" };
            screen.short_line(&format!("{indent}{mark} {tool}: {content}"))
        }
        RunEvent::Handoff { to, .. } => screen.short_line(&format!("{indent}→ {to}")),
        RunEvent::InTool { event, .. } => show(screen, event, shown, &format!("{indent}  ")),
        _ => Ok(()),
    }
}
