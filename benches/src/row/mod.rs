//! Rows: what is measured, and of which tools.

mod entry;
mod growth;
mod kinds;
mod table;
mod turn;

use std::fmt;

use crate::measure::Sample;

pub use entry::{Entry, ToolId};
pub(crate) use entry::{with_async_tool, with_tool};
pub use growth::growth;
pub use table::rows;
pub use turn::turns;

/// What is measured, of which tools.
pub struct Row {
    /// How it is called on the command line.
    pub name: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// Whom it measures. The others are compared with the first.
    pub entries: Vec<Entry>,
    measure: Box<Measure>,
}

/// Measures an entry; `None` if its tool cannot do that.
type Measure = dyn Fn(&Entry) -> Option<Sample>;

impl Row {
    fn new(
        name: &'static str,
        title: &'static str,
        entries: impl IntoIterator<Item = Entry>,
        measure: impl Fn(&Entry) -> Option<Sample> + 'static,
    ) -> Self {
        let entries = entries.into_iter().collect();
        Self { name, title, entries, measure: Box::new(measure) }
    }

    /// The row of that name, whatever it compares.
    pub fn named(name: &str) -> Option<Self> {
        rows().into_iter().chain(growth()).chain(turns()).find(|row| row.name == name)
    }

    /// Measures one entry, in this process: the first time that anything is traced in it. `None`
    /// if there is no such entry, or it cannot do that.
    pub fn measure(&self, entry: usize) -> Option<Sample> {
        (self.measure)(self.entries.get(entry)?)
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("name", &self.name)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}
