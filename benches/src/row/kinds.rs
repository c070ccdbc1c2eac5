//! The kinds of rows: how a row's entries are set up and measured.

use std::{io, time::Duration};

use super::{Entry, Row, ToolId, with_async_tool, with_tool};
use crate::{
    collector::Collector,
    measure::{self, Runtime},
    tool::{Off, Overflow, Room, Setup, Sink},
    workload::{Trees, Workload},
};

/// Every tool.
fn everybody() -> impl Iterator<Item = Entry> {
    ToolId::ALL.into_iter().map(Entry::of)
}

/// A workload in bursts, of every tool.
pub(super) fn bursts(
    name: &'static str,
    title: &'static str,
    workload: impl Workload + 'static,
) -> Row {
    Row::new(name, title, everybody(), move |entry| {
        let setup = entry.setup(Collector::counting());
        with_tool!(entry.tool, measure::bursts, &workload, &setup)
    })
}

/// W1 where nothing is traced.
pub(super) fn off(name: &'static str, title: &'static str, off: Off) -> Row {
    Row::new(name, title, everybody(), move |entry| {
        let mut setup = entry.setup(Collector::counting());
        setup.off = Some(off);
        with_tool!(entry.tool, measure::bursts, &Trees::W1, &setup)
    })
}

/// A workload in bursts that go to this sink, of the tools that have it.
pub(super) fn sink(
    name: &'static str,
    title: &'static str,
    tools: &[ToolId],
    workload: impl Workload + 'static,
    sink: Sink,
) -> Row {
    Row::new(name, title, tools.iter().copied().map(Entry::of), move |entry| {
        let mut setup = entry.setup(Collector::counting());
        setup.sink = sink;
        with_tool!(entry.tool, measure::bursts, &workload, &setup)
    })
}

/// A workload in bursts, of our own.
pub(super) fn ours(
    name: &'static str,
    title: &'static str,
    workload: impl Workload + 'static,
) -> Row {
    sink(name, title, &[ToolId::Raaf], workload, Sink::Collector)
}

/// W1 as tasks, of the tools that can trace futures.
pub(super) fn tasks(name: &'static str, title: &'static str, runtime: Runtime) -> Row {
    Row::new(name, title, everybody(), move |entry| {
        let setup = entry.setup(Collector::counting());
        with_async_tool!(entry.tool, measure::tasks, &setup, runtime)
    })
}

/// W1 in so many threads at once.
pub(super) fn threads(name: &'static str, title: &'static str, threads: usize) -> Row {
    Row::new(name, title, everybody(), move |entry| {
        let setup = entry.setup(Collector::counting());
        with_tool!(entry.tool, measure::threads, &setup, threads)
    })
}

/// W1 flat out, written as JSON: everybody's defaults, then our own under other limits.
pub(super) fn sustained(name: &'static str, title: &'static str) -> Row {
    let rooms = [Room::Spans(800), Room::Spans(8_000), Room::Default];
    let others = rooms
        .into_iter()
        .flat_map(|room| [(room, Overflow::Drop), (room, Overflow::Help)])
        .filter(|limit| *limit != DEFAULTS)
        .map(|(room, overflow)| Entry::limited(room, overflow));
    let entries = everybody().map(|entry| Entry { limit: default_of(entry.tool), ..entry });
    Row::new(name, title, entries.chain(others), |entry| {
        let mut setup = entry.setup(Collector::writing(io::sink()));
        if entry.limit.is_none() {
            setup.room = Room::Default;
        }
        with_tool!(entry.tool, measure::sustained, &setup)
    })
}

/// W1 in eight threads, written to a file as JSON, with everybody's defaults: ours by its file
/// sink, with all fields of its format, the others' by the collector, with those that all have.
pub(super) fn million(name: &'static str, title: &'static str) -> Row {
    Row::new(name, title, everybody(), |entry| {
        let mut setup = if entry.tool == ToolId::Raaf {
            let setup = entry.setup(Collector::counting());
            Setup { sink: Sink::File, ..setup }
        } else {
            entry.setup(Collector::writing(tempfile::tempfile().ok()?))
        };
        setup.room = Room::Default;
        with_tool!(entry.tool, measure::million, &setup)
    })
}

/// Our own, as a sink on this machine has it.
const DEFAULTS: (Room, Overflow) = (Room::Default, Overflow::Help);

/// What is said about a tool's limit; the others have nothing to choose.
fn default_of(tool: ToolId) -> Option<(Room, Overflow)> {
    (tool == ToolId::Raaf).then_some(DEFAULTS)
}

/// Agents of `raaf-agents` on a scripted model that takes so long to answer.
pub(super) fn agents(name: &'static str, title: &'static str, thinks: Duration) -> Row {
    Row::new(name, title, [Entry::of(ToolId::Raaf)], move |entry| {
        measure::agents(&entry.setup(Collector::counting()), thinks)
    })
}
