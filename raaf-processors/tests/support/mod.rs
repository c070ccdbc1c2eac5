//! Shared code of the console's tests.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use raaf_processors::ConsoleBuilder;
use raaf_trace_core::{Tracer, TracerProvider, clock::ManualClock, id::SequentialIds, keys};

/// Longer than any test takes; nothing waits for it to pass.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A writer that keeps what it was given, each write apart.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Mutex<Vec<String>>>);

impl Output {
    pub(crate) fn writes(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8(bytes.to_vec()).map_err(io::Error::other)?;
        self.0.lock().unwrap().push(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A provider with a console, a clock that stands still and ids that count up.
pub(crate) struct Bench {
    pub(crate) provider: TracerProvider,
    pub(crate) output: Output,
    time: ManualClock,
}

impl Bench {
    pub(crate) fn new(console: ConsoleBuilder) -> Self {
        let (output, time) = (Output::default(), ManualClock::new());
        let provider = TracerProvider::builder()
            .with(console.writer(output.clone()).build())
            .clock(time.clock())
            .ids(SequentialIds::default())
            .build();
        Self { provider, output, time }
    }

    pub(crate) fn tracer(&self) -> Tracer {
        self.provider.tracer()
    }

    /// Lets milliseconds pass.
    pub(crate) fn pass(&self, millis: u64) {
        self.time.advance(Duration::from_millis(millis));
    }

    /// A model call that takes so long and uses tokens.
    pub(crate) fn llm(&self, model: &str, millis: u64, (input, output): (i64, i64)) {
        let call = self.tracer().llm_span(model).with(keys::GEN_AI_USAGE_INPUT_TOKENS, input);
        call.with(keys::GEN_AI_USAGE_OUTPUT_TOKENS, output).in_span(|| self.pass(millis));
    }

    /// All that was shown so far.
    pub(crate) fn shown(&self) -> String {
        self.provider.force_flush(LONG).unwrap();
        self.output.writes().concat()
    }
}
