//! Protocols: bodies of requests, and responses made of what the server sends.

use super::wire::{Rejected, Target};
use crate::model::{ModelChunk, ModelError, ModelRequest, ModelResponse};

/// Protocol of a server.
pub(super) trait Protocol: Send + Sync + 'static {
    type Assembly: Assemble;

    /// Returns the body of a request, and the assembly of its response.
    fn prepare(
        &self,
        request: &ModelRequest,
        target: Target<'_>,
        streams: bool,
    ) -> Result<Prepared<Self::Assembly>, ModelError>;

    /// Adds attributes of a response that only this protocol has to the current span.
    fn describe(&self, _response: &ModelResponse) {}
}

/// Request that can be sent.
pub(super) struct Prepared<A> {
    pub(super) body: Vec<u8>,
    pub(super) assembly: A,
    /// Names of the parts of the conversation that are not in the body.
    pub(super) left_out: Vec<String>,
}

/// Assembles a response, which comes whole or in pieces.
pub(super) trait Assemble: Send {
    /// Adds a response or an event of a stream, and returns the new chunks.
    fn add(&mut self, json: &str) -> Result<Vec<ModelChunk>, Rejected>;

    /// Returns the number of chunks so far.
    fn pieces(&self) -> usize;

    /// Returns whether the server has sent the end of the response.
    fn is_complete(&self) -> bool {
        false
    }

    /// Returns whether the answer has ended, so that it stays valid if the rest of the stream is lost.
    fn has_end(&self) -> bool {
        self.is_complete()
    }

    /// Returns the chunks that are left and the whole response; `None` if it is incomplete. `is_over` is
    /// true if the server marked the end, and `origin` is the server.
    fn finish(
        self,
        is_over: bool,
        origin: &str,
    ) -> Result<Option<(Vec<ModelChunk>, ModelResponse)>, Rejected>;
}
