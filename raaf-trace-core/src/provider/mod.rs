//! The provider: where spans go, and by which rules.

pub(crate) mod bounded;
mod builder;
mod cleaner;
mod counts;
pub(crate) mod dispatch;
mod error;
mod flush;
pub(crate) mod global;
mod global_override;
mod guard;
mod handle;
mod inner;
mod main_thread;
mod processors;
#[cfg(feature = "signals")]
mod signals;
mod stats;
pub(crate) mod trace_record;

pub use builder::Builder;
pub use error::{BuildError, FlushError, SinkFailure};
pub use global::{init, provider, set_global_provider};
pub use global_override::{GlobalOverride, override_global_provider};
pub use guard::Guard;
pub use handle::TracerProvider;
pub(crate) use inner::Inner;
pub use stats::Stats;
pub use trace_record::{LocalRoot, TraceInfo};
