//! Parallel branches.

use futures::{FutureExt as _, future};

use super::{Flow, Node};
use crate::pipeline::{
    Merge, State, StepError,
    error::{BranchFailure, Cause, Stopped},
    merge::MergePlan,
    paused::{Part, Place, Start},
    walk::Walk,
};
use crate::{
    diagram::{Drawing, Part as Drawn},
    errors::with_causes,
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
    /// Cancels the other branches at once. The state of a run that has paused in one of them is lost.
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

    pub(super) fn draw(&self, drawing: &mut Drawing) {
        let branches = self.branches.iter().map(|node| drawing.inside(None, |d| node.draw(d)));
        let branches = branches.collect();
        let mut notes = self.merge.notes();
        if self.on_error == OnBranchError::Collect {
            notes.push("failures are collected".to_owned());
        }
        drawing.push(Drawn::Parallel { notes, branches });
    }

    pub(super) async fn run(&self, start: Start, walk: Walk<'_>) -> Result<State, Box<Stopped>> {
        let (before, parts) = match start {
            Start::At(Place::Parallel { state, branches }) => (state, branches),
            start => (start.into_state(), Vec::new()),
        };
        let mut parts = parts.into_iter();
        let branches = self.branches.iter().enumerate().map(|(index, node)| {
            let start = match parts.next() {
                Some(Part::Done(state)) => return future::ready(Ok(Ended::Done(state))).boxed(),
                Some(Part::Failed { step, completed, error }) => {
                    let source = StepError::Function(error.into());
                    let failure = BranchFailure { step, completed, source };
                    return future::ready(Ok(Ended::Failed(failure))).boxed();
                }
                Some(Part::Paused(place)) => Start::At(place),
                None => Start::New(before.clone()),
            };
            let fails_fast = self.on_error == OnBranchError::FailFast;
            let work = node.run(start, walk.part(index));
            async move {
                match work.await {
                    Ok(state) => Ok(Ended::Done(state)),
                    Err(stopped) => match *stopped {
                        // The others go on.
                        Stopped { step, cause: Cause::Paused(place), .. } => {
                            Ok(Ended::Paused(step, *place))
                        }
                        Stopped { step, completed, cause: Cause::Failed(source), .. }
                            if !fails_fast =>
                        {
                            Ok(Ended::Failed(BranchFailure { step, completed, source }))
                        }
                        stopped => Err(Box::new(stopped)),
                    },
                }
            }
            .boxed()
        });
        let branches: Vec<_> = branches.collect();
        self.end(before, future::try_join_all(branches).await?)
    }

    fn end(&self, before: State, ended: Vec<Ended>) -> Result<State, Box<Stopped>> {
        let paused = ended.iter().find_map(|end| match end {
            Ended::Paused(step, _) => Some(step.clone()),
            _ => None,
        });
        if let Some(step) = paused {
            let branches = ended.into_iter().map(Part::from).collect();
            let place = Place::Parallel { state: before.clone(), branches };
            return Err(Stopped::paused(&step, before, place));
        }
        let (mut after, mut failures) = (Vec::new(), Vec::new());
        for end in ended {
            match end {
                Ended::Done(state) => after.push(state),
                Ended::Failed(failure) => failures.push(failure),
                Ended::Paused(..) => {}
            }
        }
        let state = self.merge.merge(before, after);
        let Some(first) = failures.first() else { return Ok(state) };
        let (step, branches) = (first.step.clone(), self.branches.len());
        Err(Stopped::at(&step, state, StepError::Branches { branches, failures }))
    }
}

/// End of a branch.
enum Ended {
    Done(State),
    Failed(BranchFailure),
    Paused(String, Place),
}

impl From<Ended> for Part<State> {
    fn from(end: Ended) -> Self {
        match end {
            Ended::Done(state) => Self::Done(state),
            Ended::Failed(BranchFailure { step, completed, source }) => {
                Self::Failed { step, completed, error: with_causes(&source) }
            }
            Ended::Paused(_, place) => Self::Paused(place),
        }
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
