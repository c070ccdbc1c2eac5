//! Builder for [`Capture`].

use std::{fmt, time::Duration};

use raaf_trace_core::{
    TracerProvider, TracerProviderBuilder, clock::ManualClock, id::SequentialIds,
};

use super::{Capture, GlobalCapture, LIMIT, SeededIds, recorder};

/// Builder for [`Capture`] and [`GlobalCapture`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use raaf_testkit::Capture;
/// use raaf_trace_core::{naming::NamePattern, trace};
///
/// let capture = Capture::builder()
///     .deterministic()
///     .wait_at_most(Duration::from_secs(60))
///     .configure(|provider| provider.naming(NamePattern::Compact))
///     .build();
/// capture.run(|| trace("nightly").in_span(|| capture.advance(Duration::from_millis(20))));
///
/// let spans = capture.spans();
/// let root = spans.only("nightly");
/// assert_eq!(root.span_id().to_u64(), 1);
/// assert_eq!(root.duration(), Duration::from_millis(20));
/// assert_eq!(root.name(), "trace.nightly");
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct CaptureBuilder {
    limit: Duration,
    clock: Option<ManualClock>,
    ids: Option<Ids>,
    configure: Vec<Configure>,
}

type Configure = Box<dyn FnOnce(TracerProviderBuilder) -> TracerProviderBuilder>;

#[derive(Clone, Copy, Debug)]
enum Ids {
    Sequential,
    Seeded(u64),
}

impl CaptureBuilder {
    pub(super) fn new() -> Self {
        Self { limit: LIMIT, clock: None, ids: None, configure: Vec::new() }
    }

    /// Makes runs repeatable: the clock stands still until [`Capture::advance`], and ids are 1, 2,
    /// 3 … in the order in which traces and spans start. Threads that start spans at the same time
    /// still race for their ids; [snapshots](crate::Spans::to_snapshot) number spans by their
    /// position in the tree instead.
    pub fn deterministic(self) -> Self {
        let clock = ManualClock::new();
        Self { ids: Some(Ids::Sequential), ..self.clock(&clock) }
    }

    /// Makes ids that look random but are the same in each run with the same seed. The decisions of
    /// a [`Sampler`](raaf_trace_core::Sampler), which depend on the trace id, are then the same as
    /// well.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_testkit::Capture;
    /// use raaf_trace_core::{Sampler, trace};
    ///
    /// let kept = || {
    ///     let capture = Capture::builder()
    ///         .seed(7)
    ///         .configure(|provider| provider.sampler(Sampler::ratio(0.5)))
    ///         .build();
    ///     for number in 0..100 {
    ///         capture.run(|| trace(format!("run {number}")).in_span(|| ()));
    ///     }
    ///     capture.spans().to_string()
    /// };
    /// assert_eq!(kept(), kept());
    /// ```
    pub fn seed(mut self, seed: u64) -> Self {
        self.ids = Some(Ids::Seeded(seed));
        self
    }

    /// Sets the clock that times the spans; [`Capture::advance`] moves it.
    pub fn clock(mut self, clock: &ManualClock) -> Self {
        self.clock = Some(clock.clone());
        self
    }

    /// Sets how long [`Capture::spans`] waits for open spans. Default: 5 seconds.
    pub fn wait_at_most(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Configures the provider behind the capture: its naming, limits, sampler, or further
    /// processors. Applied last, so it overrides the other settings.
    pub fn configure(
        mut self,
        configure: impl FnOnce(TracerProviderBuilder) -> TracerProviderBuilder + 'static,
    ) -> Self {
        self.configure.push(Box::new(configure));
        self
    }

    /// Builds a capture of what runs in its context.
    #[must_use]
    pub fn build(self) -> Capture {
        self.build_with(|provider| provider)
    }

    pub(super) fn build_with(
        self,
        configure: impl FnOnce(TracerProviderBuilder) -> TracerProviderBuilder,
    ) -> Capture {
        let (recorder, processor) = recorder::pair();
        let mut provider = TracerProvider::builder().with(processor);
        if let Some(clock) = &self.clock {
            provider = provider.clock(clock.clock());
        }
        provider = match self.ids {
            None => provider,
            Some(Ids::Sequential) => provider.ids(SequentialIds::default()),
            Some(Ids::Seeded(seed)) => provider.ids(SeededIds::new(seed)),
        };
        for configure in self.configure {
            provider = configure(provider);
        }
        let provider = configure(provider).build();
        Capture { provider, recorder, limit: self.limit, clock: self.clock }
    }

    /// Builds a capture of whatever this process traces without a provider of its own; see
    /// [`Capture::global`].
    ///
    /// # Panics
    ///
    /// If this thread already holds a global capture.
    #[must_use]
    #[track_caller]
    pub fn global(self) -> GlobalCapture {
        GlobalCapture::of(|| self.build())
    }
}

impl fmt::Debug for CaptureBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureBuilder")
            .field("limit", &self.limit)
            .field("clock", &self.clock)
            .field("ids", &self.ids)
            .finish_non_exhaustive()
    }
}
