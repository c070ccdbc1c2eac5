//! Which tool a row measures, and how it is set up.

use crate::{
    collector::Collector,
    tool::{Overflow, Room, Setup},
};

/// A tool under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolId {
    /// This project.
    Raaf,
    /// fastrace, local spans.
    FastraceLocal,
    /// fastrace, spans.
    FastraceSpans,
    /// `tracing` and a collecting layer.
    TracingLayer,
    /// OpenTelemetry's SDK, simple processor.
    OpenTelemetrySimple,
    /// OpenTelemetry's SDK, batching processor.
    OpenTelemetryBatch,
    /// `tracing` in front of OpenTelemetry's SDK, batching processor.
    TracingOpenTelemetry,
}

impl ToolId {
    /// All of them, ours first.
    pub const ALL: [Self; 7] = [
        Self::Raaf,
        Self::FastraceLocal,
        Self::FastraceSpans,
        Self::TracingLayer,
        Self::OpenTelemetrySimple,
        Self::OpenTelemetryBatch,
        Self::TracingOpenTelemetry,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raaf => "raaf",
            Self::FastraceLocal => "fastrace, local",
            Self::FastraceSpans => "fastrace, spans",
            Self::TracingLayer => "tracing + layer",
            Self::OpenTelemetrySimple => "otel, simple",
            Self::OpenTelemetryBatch => "otel, batch",
            Self::TracingOpenTelemetry => "tracing-otel",
        }
    }

    /// The tool of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }
}

/// Calls a function that is generic over the tool; `None` where the tool cannot do it.
macro_rules! with_tool {
    ($tool:expr, $($function:ident)::+, $($argument:expr),*) => {
        match $tool {
            $crate::row::ToolId::FastraceLocal => {
                $($function)::+::<$crate::tool::FastraceLocal>($($argument),*)
            }
            other => $crate::row::with_async_tool!(other, $($function)::+, $($argument),*),
        }
    };
}
pub(crate) use with_tool;

/// As [`with_tool`], for a function that needs a tool which can trace futures. A local span of
/// fastrace cannot be held over an await.
macro_rules! with_async_tool {
    ($tool:expr, $($function:ident)::+, $($argument:expr),*) => {{
        use $crate::{row::ToolId, tool};
        match $tool {
            ToolId::FastraceLocal => None,
            ToolId::Raaf => $($function)::+::<tool::Raaf>($($argument),*),
            ToolId::FastraceSpans => $($function)::+::<tool::FastraceSpans>($($argument),*),
            ToolId::TracingLayer => $($function)::+::<tool::TracingLayer>($($argument),*),
            ToolId::OpenTelemetrySimple => {
                $($function)::+::<tool::OpenTelemetrySimple>($($argument),*)
            }
            ToolId::OpenTelemetryBatch => {
                $($function)::+::<tool::OpenTelemetryBatch>($($argument),*)
            }
            ToolId::TracingOpenTelemetry => {
                $($function)::+::<tool::TracingOpenTelemetry>($($argument),*)
            }
        }
    }};
}
pub(crate) use with_async_tool;

/// One line of a row: a tool, and what is special about it there.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The tool.
    pub tool: ToolId,
    /// How many spans may wait, and what happens then, where the row is about that.
    pub limit: Option<(Room, Overflow)>,
    /// How much there is of what the row lets grow.
    pub size: usize,
}

impl Entry {
    /// A tool as the row sets up all of them.
    pub fn of(tool: ToolId) -> Self {
        Self { tool, limit: None, size: 0 }
    }

    /// Our own with this limit.
    pub fn limited(room: Room, overflow: Overflow) -> Self {
        Self { limit: Some((room, overflow)), ..Self::of(ToolId::Raaf) }
    }

    /// Our own with so much of what the row lets grow.
    pub fn sized(size: usize) -> Self {
        Self { size, ..Self::of(ToolId::Raaf) }
    }

    /// What tables call it.
    pub fn label(&self) -> String {
        let name = self.tool.name();
        match self.limit {
            None => name.to_owned(),
            Some((room, overflow)) => {
                let overflow = match overflow {
                    Overflow::Drop => "drops",
                    Overflow::Help => "helps",
                };
                match room.spans() {
                    Some(spans) => format!("{name}, {overflow}, {spans}"),
                    None => format!("{name}, {overflow}, default"),
                }
            }
        }
    }

    /// The setup in which it is measured.
    pub(super) fn setup(&self, collector: Collector) -> Setup {
        let mut setup = Setup::ample(collector);
        if let Some((room, overflow)) = self.limit {
            (setup.room, setup.overflow) = (room, overflow);
        }
        setup
    }
}
