//! Parallel branches.

use futures::future;

use super::{Flow, Node};
use crate::pipeline::{
    Merge, State, StepError,
    error::{BranchFailure, Stopped},
    merge::MergePlan,
    observe::Observers,
};

/// Group of parallel branches: the result of `a | b`.
///
/// Each branch works on a copy of the state. Their changes are merged in the order of declaration,
/// whichever finishes first. The branches run concurrently in the caller's task.
///
/// # Examples
///
/// ```
/// use raaf_agents::{FlowExt as _, Merge, State, service};
/// use serde_json::json;
///
/// let find = |name: &'static str| service(name, move |state: State| async move {
///     Ok(state.with("found", json!([name])))
/// });
/// let pipeline = (find("Web") | find("Archive")).merge(Merge::Append).named("Search").build()?;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let state = pipeline.run(State::new()).await?;
/// assert_eq!(state.get::<Vec<String>>("found")?, ["Web", "Archive"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "branches do nothing until they are part of a pipeline"]
pub struct Parallel {
    pub(super) branches: Vec<Node>,
    merge: MergePlan,
    on_error: OnBranchError,
}

/// Reaction to a failed branch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnBranchError {
    /// Cancels the other branches at once.
    #[default]
    FailFast,
    /// Awaits the other branches. The pipeline then stops with [`StepError::Branches`], which has all
    /// failures. The state of the error includes the changes of the branches that succeeded.
    Collect,
}

impl Parallel {
    /// Creates a group from branches of one type.
    pub fn of<F: Into<Flow>>(branches: impl IntoIterator<Item = F>) -> Self {
        Self {
            branches: branches.into_iter().map(|branch| branch.into().node).collect(),
            merge: MergePlan::default(),
            on_error: OnBranchError::default(),
        }
    }

    /// Adds a branch.
    pub fn and(mut self, branch: impl Into<Flow>) -> Self {
        self.branches.push(branch.into().node);
        self
    }

    /// Sets how to merge keys that several branches have changed; the default is [`Merge::Last`].
    pub fn merge(mut self, merge: Merge) -> Self {
        self.merge.default = merge;
        self
    }

    /// Sets how to merge one key; see [`merge`](Self::merge).
    pub fn merge_key(mut self, key: impl Into<String>, merge: Merge) -> Self {
        self.merge.keys.push((key.into(), merge));
        self
    }

    /// Sets what to do when a branch fails; the default is [`OnBranchError::FailFast`].
    ///
    /// ```
    /// use raaf_agents::{FlowExt as _, OnBranchError, State, StepError, service};
    ///
    /// let ok = service("Good", |state: State| async move { Ok(state.with("good", true)) });
    /// let failing = service("Bad", |_: State| async move { Err("broken".into()) });
    /// let pipeline = (ok | failing).on_error(OnBranchError::Collect).named("Both").build()?;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let error = pipeline.run(State::new()).await.unwrap_err();
    /// assert!(matches!(error.source, StepError::Branches { branches: 2, .. }));
    /// assert!(error.state.contains("good"));
    /// # });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_error(mut self, on_error: OnBranchError) -> Self {
        self.on_error = on_error;
        self
    }

    pub(super) async fn run(
        &self,
        before: State,
        observers: &Observers,
    ) -> Result<State, Box<Stopped>> {
        let run = |branch| Node::run(branch, before.clone(), observers);
        let branches: Vec<_> = self.branches.iter().map(run).collect();
        match self.on_error {
            OnBranchError::FailFast => {
                let after = future::try_join_all(branches).await?;
                Ok(self.merge.merge(before, after))
            }
            OnBranchError::Collect => self.collect(before, future::join_all(branches).await),
        }
    }

    fn collect(
        &self,
        before: State,
        results: Vec<Result<State, Box<Stopped>>>,
    ) -> Result<State, Box<Stopped>> {
        let (mut after, mut failures) = (Vec::new(), Vec::new());
        for result in results {
            match result {
                Ok(state) => after.push(state),
                Err(stopped) => {
                    let Stopped { step, completed, source, .. } = *stopped;
                    failures.push(BranchFailure { step, completed, source });
                }
            }
        }
        let state = self.merge.merge(before, after);
        let Some(first) = failures.first() else { return Ok(state) };
        let (step, branches) = (first.step.clone(), self.branches.len());
        Err(Stopped::at(&step, state, StepError::Branches { branches, failures }))
    }
}

impl std::fmt::Debug for Parallel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.branches.iter().map(Node::name).collect();
        f.debug_struct("Parallel")
            .field("branches", &names)
            .field("merge", &self.merge)
            .field("on_error", &self.on_error)
            .finish()
    }
}
