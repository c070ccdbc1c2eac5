//! What a span needs of memory, kept by the thread that needed it last.

use std::cell::RefCell;

use triomphe::UniqueArc;

use super::record::{Record, Shared};
use crate::{FinishedSpan, attributes::AttributeEntry};

/// How many empty records a thread keeps: no more than it had open one inside the other, and of a
/// runaway recursion not all, at some 300 bytes each.
const RECORDS: usize = 1_024;

/// How many empty lists a thread keeps: a full chunk's and some.
const LISTS: usize = 512;

/// How many attributes a kept list has room for at most: few spans have more, and how many they may
/// have is for the user to say.
const LARGEST: usize = 64;

struct Pool {
    records: Vec<UniqueArc<Record>>,
    /// Lists for attributes: they leave with finished spans and come back once those are delivered.
    lists: Vec<Vec<AttributeEntry>>,
}

thread_local! {
    static POOL: RefCell<Pool> = const {
        RefCell::new(Pool { records: Vec::new(), lists: Vec::new() })
    };
}

/// An empty record.
pub(crate) fn take() -> UniqueArc<Record> {
    let kept = POOL.try_with(|pool| {
        let mut pool = pool.borrow_mut();
        let mut record = pool.records.pop()?;
        if let Some(list) = pool.lists.pop() {
            record.body_mut().attributes.use_list(list);
        }
        Some(record)
    });
    kept.ok().flatten().unwrap_or_else(|| UniqueArc::new(Record::default()))
}

/// Takes back the record of a span that has ended; keeps it if nobody else holds it.
#[inline]
pub(crate) fn give(record: Shared) {
    let Ok(mut record) = Shared::try_unique(record) else { return };
    record.empty();
    let _ = POOL.try_with(|pool| {
        let mut pool = pool.borrow_mut();
        if pool.records.len() < RECORDS {
            pool.records.push(record);
        }
    });
}

/// Takes what can be used again out of spans that nobody needs any more.
pub(crate) fn give_lists(spans: &mut [FinishedSpan]) {
    let _ = POOL.try_with(|pool| {
        let lists = &mut pool.borrow_mut().lists;
        for span in spans {
            if lists.len() >= LISTS {
                break;
            }
            // No code of the user's runs here: attributes are plain data.
            let list = span.take_empty_list();
            if (1..=LARGEST).contains(&list.capacity()) {
                lists.push(list);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Component, MemoryExporter, SimpleProcessor, TraceableExt as _, TracerProvider};

    #[test]
    fn g67_lists_that_grew_large_are_not_kept() {
        let memory = MemoryExporter::new();
        let simple = SimpleProcessor::new(memory.clone());
        let provider = TracerProvider::builder().processor(simple).build();
        let tool = Component::tool("Tool").with_provider(&provider);
        let kept = |attributes: usize| {
            POOL.with_borrow_mut(|pool| pool.lists.clear());
            let keys = (0..attributes).map(|number| (format!("key.{number}"), number));
            tool.traced("run").with_attributes(|own| own.extend(keys)).run(|| ());
            give_lists(&mut memory.take());
            POOL.with_borrow(|pool| pool.lists.len())
        };
        assert_eq!((kept(0), kept(3), kept(LARGEST), kept(LARGEST + 1)), (0, 1, 1, 0));
    }
}
