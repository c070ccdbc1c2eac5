//! Policies for runs that end without an answer.

/// Policy for the messages that a [`Session`](crate::Session) keeps of a run that fails, is cancelled or
/// is dropped; see [`RunConfig::session_policy`](crate::RunConfig::session_policy).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionPolicy {
    /// The work of its tools: the messages up to the last result of a tool. The next run does not repeat
    /// it. This is the default.
    #[default]
    KeepToolResults,
    /// All messages, including the input of a run that called no tool, and the text of an answer that was
    /// cut off.
    KeepAll,
    /// No messages: the session is appended to only when the run has an answer. The next run does not
    /// know what tools did, and a process that is killed loses it.
    KeepNothing,
}
