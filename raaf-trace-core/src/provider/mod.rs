//! The provider: processors, settings and the lifecycle of tracing.

pub(crate) mod bounded;
mod builder;
mod cleaner;
pub mod clock;
mod counts;
mod defaults;
pub(crate) mod dispatch;
mod disposition;
mod error;
mod flush;
mod given;
pub(crate) mod global;
mod global_override;
mod guard;
mod handle;
pub(crate) mod inner;
mod main_thread;
mod named_sinks;
mod open_roots;
mod outer;
mod processors;
pub(crate) mod random_ids;
pub(crate) mod running_trace;
pub mod settings;
#[cfg(feature = "signals")]
mod signals;

pub use builder::{ByName, InCode, TracerProviderBuilder};
pub(crate) use cleaner::OpenSpan;
pub use error::{BuildError, FlushError, SinkFailure};
pub use global::{global_provider, init, set_global_provider};
pub use global_override::{GlobalOverride, override_global_provider};
pub use guard::TracingGuard;
pub use handle::TracerProvider;
pub(crate) use inner::Inner;
pub(crate) use processors::OnlyQueue;
