//! What frameworks for agents cost by themselves: ours, and rig.

use super::{Entry, Row, ToolId};
use crate::{
    collector::Collector,
    measure,
    tool::{Off, Setup},
};

/// All rows that compare frameworks for agents. Each has ours first, and then rig, whose spans are
/// those of `tracing`.
pub fn turns() -> Vec<Row> {
    vec![
        turn("turn-off", "nobody traces", |setup| setup.off = Some(Off::Nothing)),
        turn("turn", "spans without texts", |setup| setup.content = false),
        turn("turn-content", "spans with texts", |_| {}),
    ]
}

fn turn(name: &'static str, title: &'static str, set_up: fn(&mut Setup)) -> Row {
    let entries = [ToolId::Raaf, ToolId::TracingLayer].map(Entry::of);
    Row::new(name, title, entries, move |entry| {
        let mut setup = entry.setup(Collector::counting());
        set_up(&mut setup);
        match entry.tool {
            ToolId::Raaf => measure::ours(&setup),
            ToolId::TracingLayer => measure::rig(&setup),
            _ => None,
        }
    })
}
