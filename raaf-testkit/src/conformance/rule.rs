//! The rules, by name.

use std::fmt;

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident = $name:literal,)*) => {
        /// A rule that sinks are held to; see the [module](super) for what each holds.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[$doc])* $rule,)*
        }

        impl Rule {
            /// All rules.
            pub const ALL: &[Self] = &[$(Self::$rule),*];

            /// The name by which failures call it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$rule => $name,)*
                }
            }
        }
    };
}

rules! {
    /// The name is not empty and stays the same.
    Name = "name",
    /// A flush and a shutdown without any span succeed.
    NothingReceived = "nothing-received",
    /// Hostile text, huge and deeply nested values are taken.
    HostileText = "hostile-text",
    /// Every kind, status and form of a span is taken.
    EveryShape = "every-shape",
    /// Several threads may call.
    ManyThreads = "many-threads",
    /// A batch of ten thousand spans is taken.
    LargeBatch = "large-batch",
    /// A flush returns whatever its timeout is.
    FlushReturns = "flush-returns",
    /// After a flush nothing waits.
    FlushDelivers = "flush-delivers",
    /// Below its limits a sink drops nothing.
    NothingLost = "nothing-lost",
    /// No span is there twice.
    EachOnce = "each-once",
    /// The spans of one thread are in the order in which they ended.
    InOrder = "in-order",
    /// What was delivered is what was given.
    SaysTheSame = "says-the-same",
    /// The statistics of a processor add up.
    StatsAddUp = "stats-add-up",
    /// An end without its start is fine, and a start without its end.
    HalfSeen = "half-seen",
    /// Flushes return while spans go on ending.
    WhileSpansEnd = "while-spans-end",
    /// A second shutdown neither hangs nor panics.
    ShutdownTwice = "shutdown-twice",
    /// What comes after the shutdown is ignored.
    AfterShutdown = "after-shutdown",
    /// Dropping a sink with spans in it returns.
    Drop = "drop",
    /// All of a workflow is delivered under a provider.
    BehindAProvider = "behind-a-provider",
}

impl Rule {
    /// Whether it can be held only by looking at what was delivered.
    pub(super) fn needs_reading(self) -> bool {
        matches!(self, Self::EachOnce | Self::InOrder | Self::SaysTheSame)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
