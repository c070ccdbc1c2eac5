//! Worker thread that draws and writes.

use std::{
    any::Any,
    collections::{BTreeSet, VecDeque},
    io::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use raaf_trace_core::diagnostics::{self, Category, Repeated};
use raaf_trace_model::span::FinishedSpan;

use super::{
    assemble::Assembly,
    describe::Describe,
    live::Live,
    queue::{Fate, Heard, Queue},
    tree::Tree,
};

/// State of the worker.
pub(super) struct Worker {
    queue: Arc<Queue>,
    describe: Describe,
    /// True to write lines as spans start and end, instead of trees.
    lines: bool,
    /// Live view, if it is on.
    live: Option<Live>,
    out: Box<dyn Write + Send>,
    /// Set once the reader has closed the pipe.
    is_closed: bool,
    failures: Repeated,
    assembly: Assembly,
}

impl Worker {
    pub(super) fn new(
        queue: Arc<Queue>,
        describe: Describe,
        lines: bool,
        live: Option<Live>,
        assembly: Assembly,
        out: Box<dyn Write + Send>,
    ) -> Self {
        let failures = Repeated::new();
        Self { queue, describe, lines, live, out, is_closed: false, failures, assembly }
    }

    pub(super) fn run(mut self) {
        self.queue.enter();
        loop {
            let mut job = self.queue.next_job(self.live.as_ref().and_then(Live::patience));
            let heard = std::mem::take(&mut job.heard);
            if self.lines {
                self.show_lines(heard);
            } else {
                self.show_complete(heard);
            }
            while (job.everything || (job.pressed && !self.queue.has_room()))
                && let Some(spans) = self.assembly.take_oldest()
            {
                self.show_tree(&spans);
            }
            if let Some(live) = &mut self.live {
                if job.last {
                    live.end();
                } else {
                    live.refresh(job.everything);
                }
            }
            self.queue.done(&job);
            if job.last {
                return;
            }
        }
    }

    fn show_lines(&mut self, heard: VecDeque<Heard>) {
        let mut text = String::new();
        let mut ended = 0;
        for heard in heard {
            match heard {
                Heard::Lost(_) => {}
                Heard::Start(span, _) => self.describe.start_line(&mut text, &span),
                Heard::End(span) => {
                    self.describe.end_line(&mut text, &span);
                    ended += 1;
                }
            }
        }
        self.deliver(&text, ended);
    }

    fn show_complete(&mut self, heard: VecDeque<Heard>) {
        for heard in heard {
            match heard {
                Heard::Start(span, at) => {
                    if let Some(live) = &mut self.live {
                        live.started(span, at);
                    }
                }
                Heard::Lost(id) => {
                    if let Some(live) = &mut self.live {
                        live.lost(id);
                    }
                }
                Heard::End(span) => {
                    if let Some(live) = &mut self.live {
                        live.ended(&span);
                    }
                    if let Some(spans) = self.assembly.add(*span) {
                        self.show_tree(&spans);
                    }
                }
            }
        }
    }

    fn show_tree(&mut self, spans: &[FinishedSpan]) {
        let mut text = String::new();
        Tree::new(spans).draw(self.describe, &BTreeSet::new(), &mut text);
        if let Some(live) = &mut self.live {
            live.make_room();
        }
        self.deliver(&text, spans.len());
    }

    /// Writes the text of `spans` spans in one call.
    fn deliver(&mut self, text: &str, spans: usize) {
        let fate = if text.is_empty() { Fate::Delivered } else { self.write(text.as_bytes()) };
        if let Fate::Failed(message) = &fate
            && let Some(count) = self.failures.happened()
        {
            let text = format_args!("{message} (failure {count})");
            diagnostics::warn(Category::Export, text);
        }
        self.queue.settle(spans, fate);
    }

    fn write(&mut self, text: &[u8]) -> Fate {
        if self.is_closed {
            return Fate::Unwanted;
        }
        let out = &mut self.out;
        let write = || out.write_all(text).and_then(|()| out.flush());
        match catch_unwind(AssertUnwindSafe(write)) {
            Ok(Ok(())) => Fate::Delivered,
            // The reader has closed the pipe, so further output is not wanted.
            Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Fate::Unwanted
            }
            Ok(Err(error)) => Fate::Failed(format!("cannot write to the console: {error}")),
            Err(panic) => Fate::Failed(panic_text(&*panic)),
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!(
        "the console's writer panicked: {}",
        text.unwrap_or("with a value that is not a string")
    )
}
