//! Simulated time, as a thread among others: the schedule decides how long anything takes.

use std::{
    collections::{BTreeMap, btree_map::OccupiedEntry},
    ops::Add,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use shuttle::thread;

use super::lock::Signal;

/// Maximum time of a run. A wait that ends later does not end by itself, so that a lost wake-up is
/// a deadlock and not a delay, and no run is endless.
pub(in crate::sink::batch) const HOUR: Duration = Duration::from_secs(3_600);

shuttle::lazy_static! {
    /// State of the run. A mutex of `std`, because reading the clock synchronizes nothing.
    static ref STATE: Mutex<State> = Mutex::default();
}

#[derive(Default)]
struct State {
    now: Duration,
    alarms: BTreeMap<Alarm, Arc<Signal>>,
    set_so_far: u64,
    further_hours: u32,
    ended: bool,
    /// Raised when an alarm is added.
    wind: Arc<Signal>,
}

/// Time of an alarm, and a unique number.
pub(super) type Alarm = (Duration, u64);

/// Clock of a run. Its thread advances to the next alarm whenever it is scheduled, so that waits
/// end in the order of their deadlines and at any point relative to other threads.
pub(in crate::sink::batch) struct Clock;

impl Clock {
    /// Runs `work` while time passes.
    pub(in crate::sink::batch) fn during(work: impl FnOnce()) {
        let ticking = thread::spawn(Self::tick);
        work();
        let mut state = state();
        state.ended = true;
        wind(state);
        assert!(ticking.join().is_ok(), "the clock broke");
    }

    /// Advances the time, for all threads.
    pub(in crate::sink::batch) fn pass(time: Duration) {
        state().now += time;
    }

    /// Adds an hour to the maximum time of the run.
    pub(in crate::sink::batch) fn go_on() {
        let mut state = state();
        state.further_hours += 1;
        wind(state);
    }

    pub(super) fn set(timeout: Duration, signal: &Arc<Signal>) -> Alarm {
        let mut state = state();
        state.set_so_far += 1;
        let alarm = (state.now.saturating_add(timeout), state.set_so_far);
        state.alarms.insert(alarm, Arc::clone(signal));
        wind(state);
        alarm
    }

    pub(super) fn cancel(alarm: Alarm) {
        state().alarms.remove(&alarm);
    }

    fn tick() {
        loop {
            let mut state = state();
            if state.ended {
                return;
            }
            let end = HOUR * (1 + state.further_hours);
            let next = state.alarms.first_entry().filter(|alarm| alarm.key().0 < end);
            if let Some(((at, _), signal)) = next.map(OccupiedEntry::remove_entry) {
                state.now = state.now.max(at);
                drop(state);
                signal.raise();
            } else {
                let wind = Arc::clone(&state.wind);
                drop(state);
                wind.wait();
            }
        }
    }
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wind(state: MutexGuard<'_, State>) {
    let wind = Arc::clone(&state.wind);
    drop(state);
    wind.raise();
}

/// Instant of the run's clock, with the interface of `std`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sink::batch) struct Instant(Duration);

impl Instant {
    pub(in crate::sink::batch) fn now() -> Self {
        Self(state().now)
    }

    pub(in crate::sink::batch) fn elapsed(&self) -> Duration {
        Self::now().saturating_duration_since(*self)
    }

    pub(in crate::sink::batch) fn checked_add(&self, time: Duration) -> Option<Self> {
        self.0.checked_add(time).map(Self)
    }

    pub(in crate::sink::batch) fn saturating_duration_since(&self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0 + time)
    }
}
