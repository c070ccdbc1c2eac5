//! Chunks: items on their way from producers to the worker.

use raaf_trace_model::span::{FinishedSpan, PackedSpans};

/// A list of items, in the form in which they are kept until they are delivered.
pub(crate) trait Chunk: Default + Send + 'static {
    /// An item, as the exporter receives it.
    type Item: Send + Sync + 'static;

    /// Returns the number of items.
    fn len(&self) -> usize;

    /// Returns the number of items for which there is memory.
    fn capacity(&self) -> usize;

    /// Provides an empty list with memory for so many items, in this thread's cache.
    fn prepare(&mut self, items: usize);

    fn push(&mut self, item: Self::Item);

    /// Moves the first `count` items out.
    #[must_use]
    fn split_front(&mut self, count: usize) -> Self;

    /// Drops the last leaf among the last `searched` items. Returns whether there was one.
    fn drop_leaf(&mut self, searched: usize) -> bool {
        let _ = searched;
        false
    }

    /// Moves all items out, to `items` from `at` on, and over [cleared](Self::clear) ones. Returns
    /// where they end.
    fn unpack(&mut self, items: &mut Vec<Self::Item>, at: usize) -> usize;

    /// Drops the contents of delivered items, and those items that cannot be written over.
    fn clear(delivered: &mut Vec<Self::Item>) {
        delivered.clear();
    }
}

impl<T: Send + Sync + 'static> Chunk for Vec<T> {
    type Item = T;

    fn len(&self) -> usize {
        self.len()
    }

    fn capacity(&self) -> usize {
        self.capacity()
    }

    fn prepare(&mut self, items: usize) {
        self.reserve_exact(items);
    }

    fn push(&mut self, item: T) {
        self.push(item);
    }

    fn split_front(&mut self, count: usize) -> Self {
        self.drain(..count.min(self.len())).collect()
    }

    fn unpack(&mut self, items: &mut Vec<T>, at: usize) -> usize {
        items.truncate(at);
        items.append(self);
        items.len()
    }
}

/// In a box, since it moves from list to list.
impl Chunk for Box<PackedSpans> {
    type Item = FinishedSpan;

    #[inline]
    fn len(&self) -> usize {
        PackedSpans::len(self)
    }

    #[inline]
    fn capacity(&self) -> usize {
        PackedSpans::capacity(self)
    }

    fn prepare(&mut self, items: usize) {
        PackedSpans::prepare(self, items);
    }

    fn push(&mut self, item: FinishedSpan) {
        self.push_whole(item);
    }

    fn split_front(&mut self, count: usize) -> Self {
        Self::new(PackedSpans::split_front(self, count))
    }

    fn drop_leaf(&mut self, searched: usize) -> bool {
        self.remove_leaf(searched)
    }

    fn unpack(&mut self, items: &mut Vec<FinishedSpan>, at: usize) -> usize {
        self.unpack_over(items, at)
    }

    fn clear(delivered: &mut Vec<FinishedSpan>) {
        FinishedSpan::clear_all(delivered);
    }
}
