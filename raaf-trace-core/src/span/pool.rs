//! Reuse of the memory of open spans.

use triomphe::UniqueArc;

use super::{frame::Frame, record::Record};

/// Maximum number of empty records, and of frames, of a thread. It keeps as many as it had nested
/// open spans, but not those of a runaway recursion, at about 300 bytes each.
const MOST: usize = 1_024;

/// Empty records and frames of a thread.
pub(crate) struct Pool {
    records: Vec<UniqueArc<Record>>,
    #[allow(clippy::vec_box, reason = "frames go from list to list, and are large")]
    frames: Vec<Box<Frame>>,
}

impl Pool {
    pub(crate) const fn new() -> Self {
        Self { records: Vec::new(), frames: Vec::new() }
    }

    /// Returns an empty record.
    #[inline]
    pub(crate) fn take_record(&mut self) -> UniqueArc<Record> {
        self.records.pop().unwrap_or_else(Self::new_record)
    }

    #[cold]
    pub(crate) fn new_record() -> UniqueArc<Record> {
        UniqueArc::new(Record::default())
    }

    /// Keeps an empty record.
    #[inline]
    pub(crate) fn give_record(&mut self, record: UniqueArc<Record>) {
        if self.records.len() < MOST {
            self.records.push(record);
        }
    }

    /// Returns a frame to write over, with an empty body.
    #[inline]
    pub(crate) fn take_frame(&mut self) -> Box<Frame> {
        self.frames.pop().unwrap_or_else(Frame::blank)
    }

    /// Keeps a frame whose body is empty.
    #[inline]
    pub(crate) fn give_frame(&mut self, frame: Box<Frame>) {
        if self.frames.len() < MOST {
            self.frames.push(frame);
        }
    }
}
