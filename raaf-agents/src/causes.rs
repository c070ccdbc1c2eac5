//! Errors as a `main` that returns them prints them.

use std::{error::Error, fmt, iter};

/// How many causes are told of: an error may be its own.
const MOST: usize = 32;

/// The error and what caused it, in one line.
///
/// A `main` that returns an error prints its `Debug` form, which would be the whole conversation:
/// what users and models wrote does not belong there.
pub(crate) fn fmt(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{error}")?;
    for cause in iter::successors(error.source(), |&cause| cause.source()).take(MOST) {
        write!(f, ": {cause}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::{
        model::{Message, ModelError},
        pipeline::{PipelineError, State},
        runner::{RunError, RunProgress},
    };

    #[test]
    fn errors_tell_what_caused_them_and_nothing_that_was_said() {
        let progress =
            RunProgress { messages: vec![Message::user("my secret")], ..RunProgress::default() };
        let source = ModelError::Malformed { message: "no choices".to_owned() };
        let run =
            RunError::Model { agent: "Writer".to_owned(), source, progress: Box::new(progress) };
        let told = "agent `Writer` got no answer from its model (turn 0): ";
        let shown = format!("{run:?}");
        assert!(shown.starts_with(told) && shown.contains("no choices"), "{shown}");
        let mut state = State::new();
        state.set("input", "my secret");
        let pipeline = PipelineError {
            pipeline: "Letters".to_owned(),
            step: "Writer".to_owned(),
            completed: Vec::new(),
            state: Box::new(state),
            source: run.into(),
        };
        let shown = format!("{pipeline:?}");
        let stopped = "pipeline `Letters` stopped at step `Writer`: ";
        assert!(shown.starts_with(&[stopped, told].concat()), "{shown}");
        assert!(!shown.contains("my secret"));
    }
}
