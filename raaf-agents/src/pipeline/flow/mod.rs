//! Flows: composed steps, and how they run.

mod operators;
mod parallel;

use std::{fmt, sync::Arc};

use futures::future::BoxFuture;

use super::{
    State, Step, StepContext,
    contract::FlowContract,
    drawn,
    each_over::EachOver,
    error::Stopped,
    observe::Progress,
    paused::{Misfit, PausedStep, Place, Start},
    walk::Walk,
    wrap::{Layer, Wrapped},
};
use crate::diagram::Drawing;
pub use parallel::{OnBranchError, Parallel};

/// Composed steps without a name: the result of `a >> b` and of the wrappers of
/// [`FlowExt`](crate::FlowExt).
///
/// [`FlowExt::named`](crate::FlowExt::named) makes a pipeline of it, and
/// [`PipelineBuilder::then`](crate::PipelineBuilder::then) adds it to one. The left operand of an
/// operator must be a type of this crate; wrap other types in [`step`](fn@crate::step). `>>` has
/// higher precedence than `|`, so branches need parentheses: `a >> (b | c) >> d`.
///
/// # Examples
///
/// ```
/// use raaf_agents::{FlowExt as _, State, service};
///
/// let add = |name, key: &'static str, summand: i64| {
///     service(name, move |state: State| async move {
///         let number: i64 = state.get("number")?;
///         Ok(state.with(key, number + summand))
///     })
/// };
/// let pipeline = (add("First", "number", 1) >> (add("Left", "left", 2) | add("Right", "right", 3)))
///     .named("Sums")
///     .takes("number")
///     .build()?;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let state = pipeline.run(State::new().with("number", 1)).await?;
/// assert_eq!((state.get::<i64>("left")?, state.get::<i64>("right")?), (4, 5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Flow {
    pub(super) node: Node,
}

/// A part of a flow.
#[derive(Clone)]
pub(super) enum Node {
    Step(Arc<dyn Step>),
    Sequence(Vec<Node>),
    Parallel(Parallel),
    Wrapped(Arc<Wrapped>),
    EachOver(Arc<EachOver>),
}

pub(super) type FlowFuture<'a> = BoxFuture<'a, Result<State, Box<Stopped>>>;

impl Flow {
    pub(super) fn empty() -> Self {
        Self { node: Node::Sequence(Vec::new()) }
    }

    /// Appends a flow.
    pub(super) fn then(self, next: impl Into<Self>) -> Self {
        let mut nodes = self.into_sequence();
        nodes.extend(next.into().into_sequence());
        Self { node: Node::Sequence(nodes) }
    }

    fn into_sequence(self) -> Vec<Node> {
        match self.node {
            Node::Sequence(nodes) => nodes,
            node => vec![node],
        }
    }

    /// Adds a wrapper, outside of those before.
    pub(super) fn wrapped(self, layer: Layer) -> Self {
        let wrapped = match self.node {
            Node::Wrapped(wrapped) => Arc::unwrap_or_clone(wrapped).and(layer),
            node => Wrapped::new(node, layer),
        };
        Self { node: Node::Wrapped(Arc::new(wrapped)) }
    }
}

impl Node {
    /// Returns the name for errors and spans.
    pub(super) fn name(&self) -> String {
        let joined =
            |nodes: &[Self], by: &str| nodes.iter().map(Self::name).collect::<Vec<_>>().join(by);
        match self {
            Self::Step(step) => step.name().to_owned(),
            Self::Sequence(nodes) => joined(nodes, " >> "),
            Self::Parallel(parallel) => format!("({})", joined(&parallel.branches, " | ")),
            Self::Wrapped(wrapped) => wrapped.inner.name(),
            Self::EachOver(each) => each.name().to_owned(),
        }
    }

    /// Returns the names of the steps in the order of declaration.
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::Step(step) => vec![step.name().to_owned()],
            Self::Sequence(nodes) | Self::Parallel(Parallel { branches: nodes, .. }) => {
                nodes.iter().flat_map(Self::names).collect()
            }
            Self::Wrapped(wrapped) => wrapped.inner.names(),
            Self::EachOver(each) => vec![each.name().to_owned()],
        }
    }

    pub(super) fn contract(&self) -> FlowContract {
        match self {
            Self::Step(step) => FlowContract::of(step.name(), step.contract()),
            Self::Sequence(nodes) => nodes.iter().fold(FlowContract::default(), |mut all, node| {
                all.then(node.contract());
                all
            }),
            Self::Parallel(Parallel { branches, .. }) => {
                branches.iter().fold(FlowContract::default(), |mut all, branch| {
                    all.beside(branch.contract());
                    all
                })
            }
            Self::Wrapped(wrapped) => wrapped.contract(),
            Self::EachOver(each) => each.contract(),
        }
    }

    /// Returns whether this runs steps for the items of lists.
    pub(super) fn has_lists(&self) -> bool {
        match self {
            Self::Step(step) => step.contract().has_lists(),
            Self::Sequence(nodes) | Self::Parallel(Parallel { branches: nodes, .. }) => {
                nodes.iter().any(Self::has_lists)
            }
            Self::Wrapped(wrapped) => wrapped.inner.has_lists(),
            Self::EachOver(_) => true,
        }
    }

    pub(super) fn draw(&self, drawing: &mut Drawing) {
        match self {
            Self::Step(step) => drawn::step(&**step, drawing),
            Self::Sequence(nodes) => nodes.iter().for_each(|node| node.draw(drawing)),
            Self::Parallel(parallel) => parallel.draw(drawing),
            Self::Wrapped(wrapped) => wrapped.draw(drawing),
            Self::EachOver(each) => each.draw(drawing),
        }
    }

    pub(super) fn run<'a>(&'a self, start: Start, walk: Walk<'a>) -> FlowFuture<'a> {
        match self {
            Self::Step(step) => Box::pin(run_step(&**step, start, walk)),
            Self::Sequence(nodes) => Box::pin(run_sequence(nodes, start, walk)),
            Self::Parallel(parallel) => Box::pin(parallel.run(start, walk)),
            Self::Wrapped(wrapped) => wrapped.run(start, walk),
            Self::EachOver(each) => Box::pin(each.run(start, walk)),
        }
    }

    /// Checks that this can go on at the place of a pause.
    pub(super) fn check(&self, place: &Place) -> Result<(), Misfit> {
        match (self, place) {
            (Self::Step(step), Place::Step { step: name, waits, .. }) if step.name() == name => {
                Ok(step.can_resume(waits)?)
            }
            (Self::Sequence(nodes), Place::Sequence { index, inner }) => {
                nodes.get(*index).ok_or(Misfit::Place)?.check(inner)
            }
            (Self::Parallel(parallel), Place::Parallel { branches, .. })
                if parallel.branches.len() == branches.len() =>
            {
                let mut pairs = parallel.branches.iter().zip(branches);
                pairs.try_for_each(|(node, part)| part.check(node))
            }
            (Self::Wrapped(wrapped), place) => wrapped.check(place),
            (Self::EachOver(each), Place::EachOver { items, .. }) => each.check(items),
            _ => Err(Misfit::Place),
        }
    }
}

async fn run_step(step: &dyn Step, start: Start, walk: Walk<'_>) -> Result<State, Box<Stopped>> {
    // The copy shares its values. It is what the error carries if the step fails.
    let (observers, context) = (walk.observers, walk.step(step));
    let unjournaled = StepContext::default();
    let (state, work) = match start {
        Start::At(Place::Step { state, waits, .. }) => {
            observers.notify(&Progress::Resumed { step: step.name(), state: &state });
            (state.clone(), step.resume(context.as_ref().unwrap_or(&unjournaled), state, waits))
        }
        start => {
            let state = start.into_state();
            observers.notify(&Progress::Started { step: step.name(), state: &state });
            let before = state.clone();
            match &context {
                Some(context) => (before, step.run_in(context, state)),
                None => (before, step.run(state)),
            }
        }
    };
    match work.await.map_err(PausedStep::of) {
        Ok(mut after) => {
            // The values are no longer shared, unless with the input of a run or a group.
            drop(state);
            after.settle();
            observers.notify(&Progress::Done { step: step.name(), state: &after });
            Ok(after)
        }
        Err(Ok(waits)) => {
            observers.notify(&Progress::Paused { step: step.name() });
            let place = Place::Step { step: step.name().to_owned(), state: state.clone(), waits };
            Err(Stopped::paused(step.name(), state, place))
        }
        Err(Err(error)) => {
            observers.notify(&Progress::Failed { step: step.name(), error: &error });
            Err(Stopped::at(step.name(), state, error))
        }
    }
}

async fn run_sequence(nodes: &[Node], start: Start, walk: Walk<'_>) -> Result<State, Box<Stopped>> {
    let (first, mut start) = match start {
        Start::At(Place::Sequence { index, inner }) => (index, Start::At(*inner)),
        start => (0, start),
    };
    for (index, node) in nodes.iter().enumerate().skip(first) {
        let follows_list = || nodes[..index].iter().any(Node::has_lists);
        let state =
            node.run(start, walk.next(index, follows_list)).await.map_err(|mut stopped| {
                let before = nodes[..index].iter().flat_map(Node::names);
                stopped.completed = before.chain(std::mem::take(&mut stopped.completed)).collect();
                stopped.within(|inner| Place::Sequence { index, inner })
            })?;
        start = Start::New(state);
    }
    Ok(start.into_state())
}

impl<S: Step + 'static> From<S> for Flow {
    fn from(step: S) -> Self {
        Self { node: Node::Step(Arc::new(step)) }
    }
}

impl From<Parallel> for Flow {
    fn from(parallel: Parallel) -> Self {
        Self { node: Node::Parallel(parallel) }
    }
}

impl From<EachOver> for Flow {
    fn from(each: EachOver) -> Self {
        Self { node: Node::EachOver(Arc::new(each)) }
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flow({})", self.node.name())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::pipeline::{FlowExt as _, service};

    #[tokio::test]
    async fn steps_do_not_copy_the_state() {
        let places = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&places);
        let write = |key: &'static str| {
            service(key, move |state: State| async move { Ok(state.with(key, 1)) })
        };
        let pipeline = (write("a") >> write("b") >> write("c"))
            .named("Writing")
            .on_progress(move |progress: &Progress<'_>| {
                if let Progress::Done { state, .. } = progress {
                    seen.lock().unwrap().push(state.place());
                }
            })
            .build()
            .unwrap();
        let state = pipeline.run(State::new().with("x", 1)).await.unwrap();
        assert_eq!(state.iter().count(), 4);
        // The first copies: its values are the input, which the run's span compares with the output.
        let places = places.lock().unwrap();
        assert!(places.len() == 3 && places.iter().all(|place| *place == places[0]), "{places:?}");
    }
}
