//! Builder for [`ConsoleSink`].

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use anstream::{AutoStream, ColorChoice};

use raaf_trace_core::{
    clock::Clock,
    diagnostics::at_least,
    sink::{PerProcess, stdout_is_reserved},
};

use super::{
    ConsoleSink,
    assemble::Assembly,
    describe::Describe,
    live::{Live, Screen},
    paint::Paint,
    queue::Queue,
    worker::Worker,
};

/// Output of a [`ConsoleSink`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConsoleMode {
    /// Draws a tree when the root of a trace ends.
    #[default]
    Tree,
    /// Writes a line when a span starts, and one when it ends.
    Lines,
    /// Draws trees and, until a root ends, the running spans: each below its parent, with a
    /// spinner, the elapsed time and the number of spans that ended inside it.
    ///
    /// The running spans are drawn on standard error, whatever the output of the trees, if it is a
    /// terminal and `TERM` is not `dumb`; otherwise this is [`Tree`](Self::Tree). See
    /// [`ConsoleSink`](ConsoleSink#the-live-view).
    #[cfg(feature = "live")]
    Live,
}

/// Builder for [`ConsoleSink`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct ConsoleBuilder {
    mode: ConsoleMode,
    detailed: bool,
    color: Option<bool>,
    target: Target,
    whole_traces: bool,
    max_spans: usize,
    max_wait: Duration,
}

enum Target {
    Stdout,
    Stderr,
    Writer(Box<dyn Write + Send>),
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdout => "Stdout",
            Self::Stderr => "Stderr",
            Self::Writer(_) => "Writer",
        })
    }
}

impl Default for ConsoleBuilder {
    fn default() -> Self {
        Self {
            mode: ConsoleMode::default(),
            detailed: false,
            color: None,
            target: Target::Stdout,
            whole_traces: false,
            max_spans: 10_000,
            max_wait: Duration::from_secs(1),
        }
    }
}

impl ConsoleBuilder {
    /// Sets the output mode. Default: [`ConsoleMode::Tree`].
    pub fn mode(mut self, mode: ConsoleMode) -> Self {
        self.mode = mode;
        self
    }

    /// Shows ids, attributes and events as well. Default: false.
    pub fn detailed(mut self, detailed: bool) -> Self {
        self.detailed = detailed;
        self
    }

    /// Turns colors on or off. By default, they are on if the output is a terminal and `NO_COLOR`
    /// is not set, and off for a custom [`writer`](Self::writer).
    pub fn color(mut self, color: bool) -> Self {
        self.color = Some(color);
        self
    }

    /// Writes to standard error instead of standard output, as it does if standard output is
    /// [reserved](raaf_trace_core::sink::reserve_stdout) for the program.
    pub fn stderr(mut self) -> Self {
        self.target = Target::Stderr;
        self
    }

    /// Sets the output, in place of standard output. Each tree is one `write_all`, on the sink's
    /// own thread.
    pub fn writer(mut self, writer: impl Write + Send + 'static) -> Self {
        self.target = Target::Writer(Box::new(writer));
        self
    }

    /// Draws one tree for a trace that comes back to this process, such as that of a client and a server in
    /// one program: a request is drawn in the tree of its caller. A request whose caller is another
    /// process is then drawn at a flush or at the shutdown. Default: false.
    pub fn whole_traces(mut self, whole: bool) -> Self {
        self.whole_traces = whole;
        self
    }

    /// Sets how many finished spans are held in memory, at least 1; 0 is reported and becomes 1.
    /// Default: 10,000.
    pub fn max_spans(mut self, spans: usize) -> Self {
        self.max_spans = at_least("ConsoleBuilder::max_spans", spans, 1);
        self
    }

    /// Sets the maximum time that a thread which ends a span waits for space, before the span is
    /// dropped. Default: 1 s.
    pub fn max_wait(mut self, limit: Duration) -> Self {
        self.max_wait = limit;
        self
    }

    /// Builds the sink.
    pub fn build(self) -> ConsoleSink {
        #[cfg(feature = "live")]
        if self.mode == ConsoleMode::Live {
            return self.build_with(Screen::stderr(), Clock::system());
        }
        self.build_with(None, Clock::system())
    }

    /// Builds the sink, with a live view if there is a screen.
    pub(super) fn build_with(self, screen: Option<Screen>, clock: Clock) -> ConsoleSink {
        let (out, is_colorful): (Box<dyn Write + Send>, bool) = match self.target {
            Target::Stdout => {
                let (stdout, is_colorful) = terminal(io::stdout(), self.color);
                let (stderr, _) = terminal(io::stderr(), self.color);
                (Box::new(Unreserved { stdout, stderr }), is_colorful)
            }
            Target::Stderr => terminal(io::stderr(), self.color),
            Target::Writer(writer) => (writer, false),
        };
        let color = self.color.unwrap_or(is_colorful);
        let lines = self.mode == ConsoleMode::Lines;
        let queue = Arc::new(Queue::new(self.max_spans, self.max_wait, screen.is_some()));
        let describe = Describe { paint: Paint { color }, detailed: self.detailed };
        let live = screen.clone().map(|screen| Live::new(screen, self.color, clock.clone()));
        let assembly = Assembly::new(self.whole_traces);
        let worker = Worker::new(Arc::clone(&queue), describe, lines, live, assembly, out);
        let (queue, worker) = (PerProcess::new(queue), Mutex::new(Some(worker)));
        ConsoleSink { queue, lines, whole_traces: self.whole_traces, screen, clock, worker }
    }
}

/// Standard output, or standard error if the former is reserved for the program.
struct Unreserved {
    stdout: Box<dyn Write + Send>,
    stderr: Box<dyn Write + Send>,
}

impl Unreserved {
    fn stream(&mut self) -> &mut dyn Write {
        if stdout_is_reserved() { &mut self.stderr } else { &mut self.stdout }
    }
}

impl Write for Unreserved {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream().flush()
    }
}

/// Returns the stream, adapted for colors if they are on, and whether they are.
fn terminal<S>(stream: S, color: Option<bool>) -> (Box<dyn Write + Send>, bool)
where
    S: anstream::stream::RawStream + anstream::stream::AsLockedWrite + Send + 'static,
{
    let choice = match color {
        Some(true) => ColorChoice::Always,
        Some(false) => ColorChoice::Never,
        None => AutoStream::choice(&stream),
    };
    (Box::new(AutoStream::new(stream, choice)), choice != ColorChoice::Never)
}
