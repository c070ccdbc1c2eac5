//! Per-thread reuse of memory for attribute lists.

use std::cell::RefCell;

use raaf_trace_model::{attributes::AttributeEntry, span::FinishedSpan};

/// Maximum number of empty lists of a thread: slightly more than a full chunk's.
const LISTS: usize = 512;

/// Maximum capacity of a reused list: few spans have more attributes, and users can allow many
/// more.
const LARGEST: usize = 64;

thread_local! {
    static KEPT: RefCell<Vec<Vec<AttributeEntry>>> = const { RefCell::new(Vec::new()) };
}

/// Takes an empty list, if the thread has one.
#[inline]
pub(crate) fn take() -> Option<Vec<AttributeEntry>> {
    KEPT.try_with(|kept| kept.borrow_mut().pop()).ok().flatten()
}

/// Takes the lists out of spans that are no longer needed.
pub(crate) fn recycle(spans: &mut [FinishedSpan]) {
    let _ = KEPT.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        for span in spans {
            if kept.len() >= LISTS {
                break;
            }
            // No user code runs here: attributes are plain data.
            let list = span.recycle();
            if (1..=LARGEST).contains(&list.capacity()) {
                kept.push(list);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g67_lists_that_grew_large_are_not_kept() {
        let kept = |attributes: usize| {
            KEPT.with_borrow_mut(Vec::clear);
            let mut list = Vec::with_capacity(attributes);
            list.clear();
            let keys = (0..attributes).map(|number| (format!("key.{number}"), number));
            let span = FinishedSpan::builder("tool", "Tool").attributes(|own| {
                own.use_list(list);
                own.extend(keys);
            });
            recycle(&mut [span.build()]);
            KEPT.with_borrow(Vec::len)
        };
        assert_eq!((kept(0), kept(3), kept(LARGEST), kept(LARGEST + 1)), (0, 1, 1, 0));
    }
}
