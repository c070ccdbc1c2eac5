//! Reuse of the memory of chunks.

use super::Chunk;

/// Maximum number of chunks, however small batches are.
const MAX_CHUNKS: usize = 256;

/// A bounded pool of empty chunks.
pub(super) struct Pool<C> {
    chunks: Vec<C>,
    limit: usize,
    chunk_size: usize,
    /// Least number of chunks since the last check.
    least: usize,
}

impl<C: Chunk> Pool<C> {
    pub(super) fn new(batches: usize, chunk_size: usize) -> Self {
        Self { chunks: Vec::new(), limit: batches.clamp(2, MAX_CHUNKS), chunk_size, least: 0 }
    }

    /// Keeps an empty chunk if there is capacity, otherwise returns it, to be freed outside of any
    /// lock.
    pub(super) fn put(&mut self, chunk: C) -> Option<C> {
        if self.chunks.len() >= self.limit || chunk.capacity() < self.chunk_size {
            return Some(chunk);
        }
        self.chunks.push(chunk);
        None
    }

    /// Takes a chunk for a producer.
    pub(super) fn take(&mut self) -> Option<C> {
        let chunk = self.chunks.pop();
        self.least = self.least.min(self.chunks.len());
        chunk
    }

    /// Takes the chunks that nobody needed since the last call.
    pub(super) fn take_unused(&mut self) -> Vec<C> {
        let unused = self.chunks.drain(..self.least).collect();
        self.least = self.chunks.len();
        unused
    }

    /// Takes all chunks.
    pub(super) fn take_all(&mut self) -> Vec<C> {
        self.least = 0;
        std::mem::take(&mut self.chunks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g67_chunks_that_nobody_needs_are_freed() {
        let mut pool = Pool::<Vec<u8>>::new(2, 4);
        assert!(pool.put(Vec::with_capacity(4)).is_none());
        assert!(pool.put(Vec::with_capacity(3)).is_some(), "too small");
        assert!(pool.put(Vec::with_capacity(4)).is_none());
        assert!(pool.put(Vec::with_capacity(4)).is_some(), "enough");
        assert_eq!(pool.take_unused().len(), 0, "new");
        let one = pool.take().unwrap();
        assert!(pool.put(one).is_none());
        assert_eq!(pool.take_unused().len(), 1, "of two, one was needed");
        assert_eq!(pool.take_unused().len(), 1);
        assert_eq!(pool.take_unused().len(), 0);
    }
}
