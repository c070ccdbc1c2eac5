//! The global provider, used where no other is set.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;

use crate::{
    base::{gate, sync::lock},
    diagnostics::{self, Category},
    provider::{BuildError, Inner, TracerProvider, TracingGuard, builder, main_thread},
};
use raaf_trace_model::environment::Environment;

static GLOBAL: ArcSwapOption<TracerProvider> = ArcSwapOption::const_empty();
static CHANGING: Mutex<State> = Mutex::new(State::Unsettled);

/// Origin of the global provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not requested yet; the gate stays open until it is.
    Unsettled,
    /// Built from the environment because code traced.
    Default,
    /// Set explicitly.
    Chosen,
    /// Shut down because its guard was dropped; another may be set.
    Over,
}

/// Returns the global provider. If none is set, builds it from the environment; invalid variables
/// are reported and have their defaults.
pub fn global_provider() -> TracerProvider {
    if let Some(provider) = &*GLOBAL.load() {
        return (**provider).clone();
    }
    let mut state = lock(&CHANGING);
    if let Some(provider) = &*GLOBAL.load() {
        return (**provider).clone();
    }
    let provider = builder::lenient(&Environment::process());
    install(&mut state, State::Default, provider.clone());
    provider
}

pub(crate) fn provider_if_recording() -> Option<Arc<Inner>> {
    if let Some(provider) = &*GLOBAL.load() {
        if provider.inner().is_recording() {
            return Some(Arc::clone(provider.inner()));
        }
        report_late();
        return None;
    }
    let provider = global_provider();
    provider.inner().is_recording().then(|| Arc::clone(provider.inner()))
}

/// `true` until the first call traced after the guard's end is reported. The gate stays open until
/// then, so that such a call is noticed.
static REPORT_LATE: AtomicBool = AtomicBool::new(false);

#[cold]
fn report_late() {
    if stop_reporting_late() {
        diagnostics::warn(
            Category::Tracing,
            format_args!(
                "traced after the guard was dropped, so nothing is recorded. Keep the guard in a \
                 variable while the program traces: `let _tracing = init()?;`, not \
                 `let _ = init()?;`"
            ),
        );
    }
}

fn stop_reporting_late() -> bool {
    let reporting = REPORT_LATE.swap(false, Ordering::Relaxed);
    if reporting {
        gate::close();
    }
    reporting
}

/// Makes `provider` the global one. Returns the previous one, which keeps running.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{TracerProvider, provider::{global_provider, set_global_provider}};
///
/// let mine = TracerProvider::builder().build();
/// let previous = set_global_provider(mine.clone()); // keeps running: shut it down if it has sinks
/// assert!(previous.is_none());
/// assert!(provider().is(&mine));
/// ```
pub fn set_global_provider(provider: TracerProvider) -> Option<TracerProvider> {
    let mut state = lock(&CHANGING);
    install(&mut state, State::Chosen, provider)
}

/// Initialises tracing from the environment: sinks and all other settings. Keep the guard: dropping
/// it delivers all spans and shuts the provider down.
///
/// To configure tracing in code, use [`TracerProvider::builder`] and
/// [`TracerProviderBuilder::init`](crate::TracerProviderBuilder::init).
///
/// # Errors
///
/// When a setting is invalid, a sink is unknown or cannot be built, or a global provider is already
/// initialised.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{init, provider::global_provider};
///
/// let tracing = init()?; // `let _ = init()?` would drop the guard at once
/// assert!(!provider().is_disabled());
/// tracing.shutdown().expect("nothing is left to deliver");
/// # Ok::<(), raaf_trace_core::provider::BuildError>(())
/// ```
pub fn init() -> Result<TracingGuard, BuildError> {
    TracerProvider::builder().from_env().init()
}

/// Makes `provider` the global one if none was set explicitly, and returns its guard.
pub(super) fn init_with(provider: TracerProvider) -> Result<TracingGuard, BuildError> {
    let mut state = lock(&CHANGING);
    if *state == State::Chosen {
        return Err(BuildError::AlreadyInitialised);
    }
    let replaced = install(&mut state, State::Chosen, provider.clone());
    drop(state);
    if let Some(default) = replaced {
        default.inner().shutdown_reporting(Duration::from_secs(5));
    }
    Ok(TracingGuard::new(provider))
}

/// Marks the provider's guard as dropped. The provider stays in place, shut down, so that later
/// traced calls do not build a default one.
pub(super) fn is_over(provider: &TracerProvider) {
    let mut state = lock(&CHANGING);
    if GLOBAL.load().as_ref().is_some_and(|global| global.is(provider)) {
        *state = State::Over;
        if !REPORT_LATE.swap(true, Ordering::Relaxed) {
            gate::open();
        }
    }
}

fn install(state: &mut State, new: State, provider: TracerProvider) -> Option<TracerProvider> {
    main_thread::watch();
    stop_reporting_late();
    let old = GLOBAL.swap(Some(Arc::new(provider)));
    if *state == State::Unsettled {
        gate::close();
    }
    *state = new;
    diagnostics::debug(Category::Tracing, format_args!("the global provider is set"));
    old.map(|old| (*old).clone())
}

/// The global provider and its origin.
#[derive(Debug)]
pub(super) struct InPlace {
    provider: Option<TracerProvider>,
    state: State,
}

/// Makes `provider` the global one, and returns the previous state for [`put_back`].
pub(super) fn put_aside(provider: TracerProvider) -> InPlace {
    let mut state = lock(&CHANGING);
    let before = *state;
    InPlace { provider: install(&mut state, State::Chosen, provider), state: before }
}

/// Restores the previous state, which may be empty.
pub(super) fn put_back(before: InPlace) -> Option<TracerProvider> {
    let mut state = lock(&CHANGING);
    if before.state == State::Unsettled && *state != State::Unsettled {
        gate::open();
    }
    *state = before.state;
    let old = GLOBAL.swap(before.provider.map(Arc::new));
    old.map(|old| (*old).clone())
}

/// Returns the global provider if there is one already.
pub(super) fn existing() -> Option<TracerProvider> {
    GLOBAL.load().as_ref().map(|provider| (**provider).clone())
}
