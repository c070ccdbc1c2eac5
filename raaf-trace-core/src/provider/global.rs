//! The provider that is used where no other is named.

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

/// How the global provider came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nobody has asked for it; the gate stays open until somebody does.
    Unsettled,
    /// Made from the environment because somebody traced.
    Default,
    /// Put there on purpose.
    Chosen,
    /// Its guard is gone: it is shut down, and another may take its place.
    Over,
}

/// The global provider. If nobody has put one in place, it is made now, from the environment; what
/// cannot be read there is reported, and the default taken.
pub fn provider() -> TracerProvider {
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
    let provider = provider();
    provider.inner().is_recording().then(|| Arc::clone(provider.inner()))
}

/// Whether the first call that is traced after the guard's end is still to be reported. As long as it
/// is, the gate stays open, so that such a call comes here.
static REPORT_LATE: AtomicBool = AtomicBool::new(false);

#[cold]
fn report_late() {
    if stop_reporting_late() {
        diagnostics::warn(
            Category::Tracing,
            format_args!(
                "traced after the guard was dropped: nothing is recorded any more. Keep the guard \
                 in a variable for as long as the program traces: `let _tracing = init()?;`, not \
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

/// Makes `provider` the global one, and returns the one it replaces, still running.
pub fn set_global_provider(provider: TracerProvider) -> Option<TracerProvider> {
    let mut state = lock(&CHANGING);
    install(&mut state, State::Chosen, provider)
}

/// Sets tracing up from the environment: which sinks run, and all other settings. Keep the guard;
/// dropping it delivers everything and shuts down.
///
/// To decide in code, use [`TracerProvider::builder`] and [`TracerProviderBuilder::init`](crate::TracerProviderBuilder::init).
///
/// # Errors
///
/// When a setting cannot be read, a sink is unknown or cannot be made, or tracing has been
/// initialised already.
pub fn init() -> Result<TracingGuard, BuildError> {
    TracerProvider::builder().from_env().init()
}

/// As [`set_global_provider`], but only where nobody has chosen one, and with a guard.
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

/// Notes that the provider's guard is gone. It stays in place, shut down: what is traced from now
/// on must not make a provider that nobody asked for.
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
    diagnostics::debug(Category::Tracing, format_args!("the global provider is in place"));
    old.map(|old| (*old).clone())
}

/// What is in place, and how it came to be.
#[derive(Debug)]
pub(super) struct InPlace {
    provider: Option<TracerProvider>,
    state: State,
}

/// Puts `provider` in place, and returns what was there, for [`put_back`].
pub(super) fn put_aside(provider: TracerProvider) -> InPlace {
    let mut state = lock(&CHANGING);
    let before = *state;
    InPlace { provider: install(&mut state, State::Chosen, provider), state: before }
}

/// Puts in place what was there, which may be nothing.
pub(super) fn put_back(before: InPlace) -> Option<TracerProvider> {
    let mut state = lock(&CHANGING);
    if before.state == State::Unsettled && *state != State::Unsettled {
        gate::open();
    }
    *state = before.state;
    let old = GLOBAL.swap(before.provider.map(Arc::new));
    old.map(|old| (*old).clone())
}

/// The global provider if there is one already.
pub(super) fn existing() -> Option<TracerProvider> {
    GLOBAL.load().as_ref().map(|provider| (**provider).clone())
}
