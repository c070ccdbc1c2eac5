//! The global provider, used where no other is set.

use std::{
    cell::Cell,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;

use crate::{
    base::{gate, process::PerProcess, sync::lock},
    diagnostics::{self, Category},
    provider::{BuildError, Inner, TracerProvider, TracingGuard, defaults, main_thread},
};
use raaf_trace_model::environment::Environment;

static GLOBAL: ArcSwapOption<TracerProvider> = ArcSwapOption::const_empty();

/// Origin of the global provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Not requested yet; the gate stays open until it is.
    #[default]
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
    build_default()
}

thread_local! {
    static BUILDING: Cell<bool> = const { Cell::new(false) };
}

/// Builds the default provider and makes it the global one, unless another is set meanwhile. No
/// lock is held that setting another one needs, and none that a forked child needs.
#[cold]
fn build_default() -> TracerProvider {
    static ONE_AT_A_TIME: LazyLock<PerProcess<Mutex<()>>> = LazyLock::new(PerProcess::default);
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            BUILDING.set(false);
        }
    }
    if BUILDING.replace(true) {
        // A sink that is built, or the handler of a line that tells of it, asks.
        return defaults::idle();
    }
    let _leave = Leave;
    let _building = lock(ONE_AT_A_TIME.get(|_| Mutex::default()));
    if let Some(provider) = existing() {
        return provider;
    }
    let provider = defaults::lenient(&Environment::process());
    let mut state = state();
    if let Some(other) = existing() {
        return other;
    }
    install(&mut state, State::Default, provider.clone());
    drop(state);
    report_change();
    provider
}

/// Locks the origin of the global provider, for as long as that is replaced.
fn state() -> MutexGuard<'static, State> {
    static STATE: LazyLock<PerProcess<Mutex<State>>> = LazyLock::new(PerProcess::default);
    let of_child = |parent: &Mutex<State>| match parent.try_lock() {
        Ok(state) => *state,
        Err(TryLockError::Poisoned(state)) => *state.into_inner(),
        // Another thread of the parent was at it.
        Err(TryLockError::WouldBlock) if GLOBAL.load().is_some() => State::Chosen,
        Err(TryLockError::WouldBlock) => State::Unsettled,
    };
    lock(STATE.get(|parent| Mutex::new(of_child(parent))))
}

fn report_change() {
    diagnostics::debug(Category::Tracing, format_args!("the global provider is set"));
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
/// use raaf_trace_core::{
///     TracerProvider,
///     provider::{global_provider, set_global_provider},
/// };
///
/// let mine = TracerProvider::builder().build();
/// let previous = set_global_provider(mine.clone()); // keeps running: shut it down if it has sinks
/// assert!(previous.is_none());
/// assert!(global_provider().is(&mine));
/// ```
pub fn set_global_provider(provider: TracerProvider) -> Option<TracerProvider> {
    let old = install(&mut state(), State::Chosen, provider);
    report_change();
    old
}

/// Initialises tracing from the environment: sinks and all other settings. Keep the guard: dropping
/// it delivers all spans and shuts the provider down.
///
/// To configure tracing in code, use [`TracerProvider::builder`] and
/// [`TracerProviderBuilder::init`](crate::TracerProviderBuilder::init).
///
/// # Errors
///
/// Returns an error if a setting is invalid, a sink is unknown or cannot be built, or a global
/// provider is already initialised.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{init, provider::global_provider};
///
/// let tracing = init()?; // `let _ = init()?` would drop the guard at once
/// assert!(!global_provider().is_disabled());
/// tracing.shutdown().expect("nothing is left to deliver");
/// # Ok::<(), raaf_trace_core::BuildError>(())
/// ```
pub fn init() -> Result<TracingGuard, BuildError> {
    TracerProvider::builder().from_env().init()
}

/// Makes `provider` the global one if none was set explicitly, and returns its guard.
pub(super) fn init_with(provider: TracerProvider) -> Result<TracingGuard, BuildError> {
    let mut state = state();
    if *state == State::Chosen {
        return Err(BuildError::AlreadyInitialised);
    }
    let replaced = install(&mut state, State::Chosen, provider.clone());
    drop(state);
    report_change();
    if let Some(default) = replaced {
        default.inner().shutdown_reporting(Duration::from_secs(5));
    }
    Ok(TracingGuard::new(provider))
}

/// Marks the provider's guard as dropped. The provider stays in place, shut down, so that later
/// traced calls do not build a default one.
pub(super) fn is_over(provider: &TracerProvider) {
    let mut state = state();
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
    let mut state = state();
    let before = *state;
    let provider = install(&mut state, State::Chosen, provider);
    drop(state);
    report_change();
    InPlace { provider, state: before }
}

/// Restores the previous state, which may be empty.
pub(super) fn put_back(before: InPlace) -> Option<TracerProvider> {
    let mut state = state();
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
