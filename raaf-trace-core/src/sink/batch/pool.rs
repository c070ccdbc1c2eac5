//! Reuse of chunks: their memory, and the delivered items in them.

/// Maximum number of chunks, however small batches are.
const MAX_CHUNKS: usize = 32;

/// A bounded pool of used chunks.
pub(super) struct Pool<T> {
    /// Chunks of delivered items, for a producer to reclaim.
    delivered: Vec<Vec<T>>,
    empty: Vec<Vec<T>>,
    limit: usize,
    chunk_size: usize,
    /// `true` if a chunk was taken since the last check.
    used: bool,
}

impl<T> Pool<T> {
    pub(super) fn new(batches: usize, chunk_size: usize) -> Self {
        let limit = batches.clamp(2, MAX_CHUNKS);
        Self { delivered: Vec::new(), empty: Vec::new(), limit, chunk_size, used: false }
    }

    /// Keeps a chunk if there is capacity, otherwise returns it, to be freed outside of any lock.
    pub(super) fn put(&mut self, chunk: Vec<T>) -> Option<Vec<T>> {
        if !self.has_room() || chunk.capacity() < self.chunk_size {
            return Some(chunk);
        }
        if chunk.is_empty() { &mut self.empty } else { &mut self.delivered }.push(chunk);
        None
    }

    /// Keeps the chunks that a delivered batch consists of, as far as there is capacity. Returns the
    /// rest, to be freed outside of any lock.
    pub(super) fn put_batch(&mut self, mut batch: Vec<T>) -> Option<Vec<T>> {
        while batch.len() > self.chunk_size && self.has_room() {
            let mut chunk = self.empty.pop().unwrap_or_else(|| Vec::with_capacity(self.chunk_size));
            chunk.extend(batch.drain(batch.len() - self.chunk_size..));
            self.delivered.push(chunk);
        }
        batch.shrink_to(self.chunk_size);
        self.put(batch)
    }

    fn has_room(&self) -> bool {
        self.delivered.len() + self.empty.len() < self.limit
    }

    /// Takes a used chunk for a producer, those with delivered items first.
    pub(super) fn take(&mut self) -> Option<Vec<T>> {
        self.used = true;
        self.delivered.pop().or_else(|| self.empty.pop())
    }

    /// Takes all chunks if none was taken since the last call, so that an idle process releases the
    /// memory of delivered items.
    pub(super) fn take_if_idle(&mut self) -> Vec<Vec<T>> {
        if std::mem::take(&mut self.used) {
            return Vec::new();
        }
        self.empty.clear();
        std::mem::take(&mut self.delivered)
    }
}
