//! The stored part of a run's conversation.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::{self, Waker},
    time::Duration,
};

use futures::{TryFutureExt as _, future::BoxFuture, poll};
use raaf_trace_core::{current_span, keys};
use serde::{Deserialize, Serialize};
use tokio::{runtime::Handle, time::timeout};

use super::RunErrorKind;
use crate::{
    conversation::{Message, Repairs, Role, repair},
    model::ModelCall,
    run::{SharedJournal, Stepped},
    session::{Session, SessionPolicy},
    state::Stored,
};

/// Time to save the progress of a run that was cancelled, or had a deadline, and failed.
const GRACE: Duration = Duration::from_secs(5);

/// Record of the messages of a run that its session has.
#[derive(Default)]
pub(super) struct History {
    session: Option<Arc<dyn Session>>,
    policy: SessionPolicy,
    /// The journal, and the beginning of the names of its steps.
    journal: Option<(SharedJournal, String)>,
    stored: Stored,
    saving: Option<Saving>,
}

/// A session's part of a run, as it is journaled.
#[derive(Serialize, Deserialize)]
struct Loaded {
    messages: Vec<Message>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    calls: Vec<ModelCall>,
}

/// An append under way. If the run is interrupted, it goes on: repeated, it might store twice, and
/// given up, not at all.
struct Saving {
    /// Behind a lock to be `Sync`; it is only polled.
    append: Mutex<BoxFuture<'static, Result<(), RunErrorKind>>>,
    /// Number of messages that are stored after it.
    stored: usize,
}

impl History {
    pub(super) fn new(
        session: Option<Arc<dyn Session>>,
        policy: SessionPolicy,
        journal: Option<(SharedJournal, String)>,
        stored: Stored,
    ) -> Self {
        Self { session, policy, journal, stored, saving: None }
    }

    /// Appends to the session what it keeps of a run that pauses. A journaled run may be run again and not
    /// pause there; it appends the messages of whole turns only, so that its appends can be recognized.
    pub(super) async fn save_paused(&mut self, messages: &[Message]) -> Result<(), RunErrorKind> {
        let kept = self.kept(messages);
        if kept.len() > self.stored.count && self.journal.is_none() {
            self.begin_save(kept);
        }
        self.complete_save().await
    }

    /// Takes the record of a run that has paused.
    pub(super) fn take_stored(&mut self) -> Stored {
        mem::take(self).stored
    }

    /// Puts the stored conversation before the input, and makes the whole valid: servers reject calls
    /// without results, and results without calls.
    pub(super) async fn load(
        &mut self,
        input: &mut Vec<Message>,
        calls: &mut Vec<ModelCall>,
    ) -> Result<(), RunErrorKind> {
        let mut messages = match self.session.clone() {
            Some(session) => self.load_once(&*session, calls).await?,
            None => Vec::new(),
        };
        // The results of calls with which the session ends may come with the input.
        let is_result = |message: &Message| message.role == Role::Tool;
        let brings_results = input.first().is_some_and(is_result);
        let open = messages.iter().rposition(|message| !is_result(message));
        let open = open.filter(|_| brings_results).unwrap_or(messages.len());
        let open_turn = messages.split_off(open);
        let mut repairs = repair(&mut messages);
        messages.extend(open_turn);
        self.stored.count = messages.len();
        messages.append(input);
        repairs += repair(&mut messages);
        *input = messages;
        record(repairs);
        Ok(())
    }

    /// Loads the session, unless the journal has what it was when the run began.
    async fn load_once(
        &self,
        session: &dyn Session,
        calls: &mut Vec<ModelCall>,
    ) -> Result<Vec<Message>, RunErrorKind> {
        let Some((journal, name)) = &self.journal else {
            return session.load_with_calls(calls).await.map_err(RunErrorKind::Session);
        };
        let work = async {
            let loaded = session.load_with_calls(calls).await;
            let messages = loaded.map_err(RunErrorKind::Session)?;
            Ok::<_, RunErrorKind>(Loaded { messages, calls: calls.clone() })
        };
        let to_json = |loaded: &Loaded| serde_json::to_value(loaded).ok();
        match Stepped::of(&**journal, name, work, to_json).await? {
            Stepped::Done(loaded) => Ok(loaded.messages),
            known @ Stepped::Known(_) => {
                let loaded = known.read(name)?;
                *calls = loaded.calls;
                Ok(loaded.messages)
            }
        }
    }

    /// Appends the messages since the last append to the session, at the end of the run.
    pub(super) async fn finish(&mut self, messages: &[Message]) -> Result<(), RunErrorKind> {
        self.begin_save(messages);
        self.complete_save().await
    }

    /// Appends the messages of a turn with calls, unless the policy waits for the end of the run.
    pub(super) async fn save(&mut self, messages: &[Message]) -> Result<(), RunErrorKind> {
        match self.policy {
            SessionPolicy::KeepNothing => Ok(()),
            SessionPolicy::KeepToolResults | SessionPolicy::KeepAll => self.finish(messages).await,
        }
    }

    fn begin_save(&mut self, messages: &[Message]) {
        let mut new = mem::take(&mut self.stored.removed);
        let Some(session) = &self.session else { return };
        new.extend_from_slice(messages.get(self.stored.count..).unwrap_or_default());
        if new.is_empty() {
            return;
        }
        let session = session.clone();
        let journal = self.journal.clone();
        let number = self.stored.appends.saturating_add(1);
        let append: BoxFuture<'static, _> = Box::pin(async move {
            let Some((journal, name)) = journal else {
                return session.append(new).await.map_err(RunErrorKind::Session);
            };
            let key = format!("{name}/{number}");
            let append = session.append_once(&key, new).map_err(RunErrorKind::Session);
            Stepped::of(&*journal, &key, append, |()| Some(true.into())).await.map(drop)
        });
        self.saving = Some(Saving { append: append.into(), stored: messages.len() });
    }

    async fn complete_save(&mut self) -> Result<(), RunErrorKind> {
        let Some(saving) = &mut self.saving else { return Ok(()) };
        let saved = saving.append.get_mut().unwrap_or_else(PoisonError::into_inner).await;
        if saved.is_ok() {
            self.stored.count = saving.stored;
            self.stored.appends = self.stored.appends.saturating_add(1);
        }
        self.saving = None;
        saved
    }

    /// Returns what the session keeps of a run that failed or pauses.
    fn kept<'a>(&self, messages: &'a [Message]) -> &'a [Message] {
        match self.policy {
            SessionPolicy::KeepAll => messages,
            SessionPolicy::KeepToolResults => up_to_tools(messages),
            SessionPolicy::KeepNothing => &[],
        }
    }

    /// Appends to the session what it keeps of a run that failed; by default the work of tools, so that
    /// the next run does not repeat it. A journaled run has it in its journal, from which it may go on. An
    /// error is not reported: that of the run is.
    pub(super) async fn save_progress(&mut self, messages: &[Message], is_late: bool) {
        {
            let mut save = pin!(async {
                let _ = self.complete_save().await;
                let kept = self.kept(messages);
                if kept.len() > self.stored.count && self.journal.is_none() {
                    self.begin_save(kept);
                }
                self.complete_save().await
            });
            // A store that saves at once needs no timer, which the runtime may lack.
            if poll!(&mut save).is_ready() {
                return;
            }
            // A store that hangs must not hold up a run that is late already.
            let _ = if is_late { timeout(GRACE, save).await.unwrap_or(Ok(())) } else { save.await };
        }
        self.saving = None;
    }

    /// Appends what the session keeps of a run that was dropped: at once, or in a task of its own.
    pub(super) fn save_dropped(mut self, messages: Vec<Message>) {
        let is_saved = self.journal.is_some() || self.kept(&messages).len() <= self.stored.count;
        let is_done = self.saving.is_none() && is_saved;
        if is_done || self.session.is_none() {
            return;
        }
        let mut save: BoxFuture<'static, ()> =
            Box::pin(async move { self.save_progress(&messages, false).await });
        let mut task = task::Context::from_waker(Waker::noop());
        // Panics in a destructor abort the program if it unwinds already.
        let ended = catch_unwind(AssertUnwindSafe(|| save.as_mut().poll(&mut task).is_ready()));
        if let (Ok(false), Ok(runtime)) = (ended, Handle::try_current()) {
            runtime.spawn(save);
        }
    }

    /// Filters the conversation for the next agent, and makes it valid: a filter may keep a call and
    /// drop its result. What it removes is in the session, or will be.
    pub(super) fn filter(
        &mut self,
        messages: &mut Vec<Message>,
        filter: impl Fn(Vec<Message>) -> Vec<Message>,
    ) {
        self.stored
            .removed
            .extend_from_slice(messages.get(self.stored.count..).unwrap_or_default());
        *messages = filter(mem::take(messages));
        record(repair(messages));
        self.stored.count = messages.len();
    }
}

/// Returns the messages up to the last result of a tool.
fn up_to_tools(messages: &[Message]) -> &[Message] {
    let last = messages.iter().rposition(|message| message.role == Role::Tool);
    &messages[..last.map_or(0, |last| last + 1)]
}

/// Records repairs in the current span.
pub(super) fn record(repairs: Repairs) {
    if let Some(span) = current_span().filter(|_| repairs.any()) {
        span.add_event("conversation.repaired", |attributes| {
            attributes
                .set(keys::CONVERSATION_CALLS_ANSWERED, repairs.calls_answered)
                .set(keys::CONVERSATION_RESULTS_REMOVED, repairs.results_removed)
                .set(keys::CONVERSATION_RESULTS_MOVED, repairs.results_moved);
        });
    }
}
