//! Reuse of the memory of chunks.

use super::Chunk;

/// Maximum number of chunks, however small batches are.
const MAX_CHUNKS: usize = 256;

/// A bounded pool of empty chunks.
pub(super) struct Pool<C> {
    chunks: Vec<C>,
    limit: usize,
    chunk_size: usize,
    /// `true` if a chunk was taken since the last check.
    used: bool,
}

impl<C: Chunk> Pool<C> {
    pub(super) fn new(batches: usize, chunk_size: usize) -> Self {
        Self { chunks: Vec::new(), limit: batches.clamp(2, MAX_CHUNKS), chunk_size, used: false }
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
        self.used = true;
        self.chunks.pop()
    }

    /// Takes all chunks if none was taken since the last call, so that an idle process releases
    /// their memory.
    pub(super) fn take_if_idle(&mut self) -> Vec<C> {
        if std::mem::take(&mut self.used) { Vec::new() } else { std::mem::take(&mut self.chunks) }
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
        assert!(pool.take().is_some());
        assert_eq!(pool.take_if_idle().len(), 0, "one was taken");
        assert_eq!(pool.take_if_idle().len(), 1);
    }
}
