//! Rules, by name.

use std::fmt;

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident = $name:literal,)*) => {
        /// A rule for sinks; see the [module](super) for what each requires.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[$doc])* $rule,)*
        }

        impl Rule {
            /// All rules, in order.
            pub const ALL: &[Self] = &[$(Self::$rule),*];

            /// Returns the name of the rule, as failures show it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$rule => $name,)*
                }
            }
        }
    };
}

rules! {
    /// The name is not empty and does not change.
    Name = "name",
    /// A flush and a shutdown without any span succeed.
    NothingReceived = "nothing-received",
    /// Hostile text, and huge and deeply nested values, are accepted.
    HostileText = "hostile-text",
    /// Every kind, status and form of a span is accepted.
    EveryShape = "every-shape",
    /// Several threads may call at the same time.
    ManyThreads = "many-threads",
    /// A batch of ten thousand spans is accepted.
    LargeBatch = "large-batch",
    /// A flush returns, whatever its timeout.
    FlushReturns = "flush-returns",
    /// After a flush, no span waits.
    FlushDelivers = "flush-delivers",
    /// Below its limits, a sink drops nothing.
    NothingLost = "nothing-lost",
    /// No span is delivered twice.
    EachOnce = "each-once",
    /// The spans of one thread are in the order in which they ended.
    InOrder = "in-order",
    /// Delivered spans equal the given ones.
    SaysTheSame = "says-the-same",
    /// The statistics of a processor add up.
    StatsAddUp = "stats-add-up",
    /// An end without its start is accepted, and a start without its end.
    HalfSeen = "half-seen",
    /// Flushes return while spans keep ending.
    WhileSpansEnd = "while-spans-end",
    /// A second shutdown neither hangs nor panics.
    ShutdownTwice = "shutdown-twice",
    /// Spans after the shutdown are ignored.
    AfterShutdown = "after-shutdown",
    /// Dropping a sink with spans in it returns.
    Drop = "drop",
    /// All of a workflow is delivered under a provider.
    BehindAProvider = "behind-a-provider",
    /// A wrapper passes on what it does not answer itself.
    Wrapper = "wrapper",
}

impl Rule {
    /// Returns true if the rule can be checked only by reading back.
    pub(super) fn needs_reading(self) -> bool {
        matches!(self, Self::EachOnce | Self::InOrder | Self::SaysTheSame)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
