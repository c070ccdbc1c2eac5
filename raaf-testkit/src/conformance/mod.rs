//! Conformance suites that any processor or exporter can run on itself.
//!
//! ```
//! use raaf_testkit::conformance::{check_exporter, check_processor};
//! use raaf_trace_core::{MemoryExporter, sink::BatchProcessor};
//!
//! check_exporter(MemoryExporter::new);
//! check_processor(|| BatchProcessor::new(MemoryExporter::new()));
//! ```
//!
//! The closure makes a new sink for each rule, so rules do not affect each other. Every call has a
//! [deadline](Suite::patience): a sink that hangs fails its rule, and the test continues. If
//! deliveries can be [read back](Suite::read_back), more rules apply.
//!
//! # The rules
//!
//! | rule | for | requires that |
//! | --- | --- | --- |
//! | `name` | both | the name is not empty and does not change |
//! | `nothing-received` | both | a flush and a shutdown without any span, and an empty batch, succeed |
//! | `hostile-text` | both | control characters, escape sequences, text that breaks JSON, and huge and deeply nested values are accepted |
//! | `every-shape` | both | every kind and status, errors, events, remote parents and zero durations are accepted |
//! | `many-threads` | both | several threads may call: processors at the same time, exporters one after another |
//! | `large-batch` | exporters | a batch of ten thousand spans is accepted |
//! | `flush-returns` | both | a flush returns, whatever its timeout: zero, short or unlimited |
//! | `flush-delivers` | both | after a successful flush no span waits, and every span that ended before can be read back |
//! | `nothing-lost` | both | below its limits, a sink drops nothing |
//! | `each-once` | both, read back | no span is delivered twice |
//! | `in-order` | both, read back | spans of one thread are in the order in which they ended |
//! | `says-the-same` | both, read back | ids, kind, component, method, status and error equal the given ones |
//! | `stats-add-up` | processors | received equals the sum of delivered, dropped, filtered and queued |
//! | `half-seen` | processors | an end without its start and a start without its end are accepted, because sinks are added and removed while spans run |
//! | `while-spans-end` | processors | flushes from several threads return while spans keep ending |
//! | `shutdown-twice` | both | a second shutdown neither hangs nor panics |
//! | `after-shutdown` | both | calls after the shutdown neither hang nor panic, and a processor ignores them |
//! | `drop` | both | dropping a sink with spans in it returns |
//! | `behind-a-provider` | both | under a provider, all spans of a workflow are delivered without a panic |
//! | `wrapper` | wrappers | `on_added`, `force_flush`, `shutdown` and `stats` reach the inner processor, and no starts do whose `wants_start` is false |

mod deadline;
mod exporter;
mod probe;
mod processor;
mod report;
mod rule;
mod samples;
#[cfg(test)]
mod tests;
mod wrapper;

use std::{fmt, rc::Rc, sync::Arc, time::Duration};

use raaf_trace_core::{FinishedSpan, SpanExporter, SpanProcessor};

use deadline::Broken;
use probe::{Probe, ReadBack, Verdict};
pub use report::{Report, Violation};
pub use rule::Rule;
pub use wrapper::InnerProcessor;
use wrapper::{Wrapped, passes_on};

/// Longest time that the calls of one rule may take together.
const PATIENCE: Duration = Duration::from_secs(20);

/// Checks a processor against all rules that can be checked without reading back deliveries; for
/// the others, see [`Suite::processor`].
///
/// # Panics
///
/// Panics if the processor breaks a rule; the message names each that it breaks.
///
/// # Examples
///
/// ```should_panic
/// use raaf_testkit::conformance::check_processor;
/// use raaf_trace_core::{FinishedSpan, SpanProcessor};
///
/// /// Fails over a span without attributes.
/// struct First;
///
/// impl SpanProcessor for First {
///     fn on_end(&self, span: &FinishedSpan) {
///         let _ = span.attributes().stored().iter().next().expect("an attribute");
///     }
/// }
///
/// check_processor(|| First);
/// ```
#[track_caller]
pub fn check_processor<P: SpanProcessor>(make: impl Fn() -> P) {
    Suite::processor(make).check();
}

/// Checks a processor that wraps another one, against all rules for processors and the rule
/// `wrapper`.
///
/// # Panics
///
/// Panics if the wrapper breaks a rule; the message names each that it breaks.
///
/// # Examples
///
/// ```
/// use raaf_testkit::conformance::check_wrapper;
/// use raaf_trace_core::sink::Offload;
///
/// check_wrapper(|inner| Offload::new(inner));
/// ```
#[track_caller]
pub fn check_wrapper<W: SpanProcessor>(wrap: impl Fn(InnerProcessor) -> W + 'static) {
    Suite::wrapper(wrap).check();
}

/// Checks an exporter against all rules that can be checked without reading back deliveries; for
/// the others, see [`Suite::exporter`].
///
/// # Panics
///
/// Panics if the exporter breaks a rule; the message names each that it breaks.
#[track_caller]
pub fn check_exporter<E: SpanExporter>(make: impl Fn() -> E) {
    Suite::exporter(make).check();
}

/// Rules for a sink, and how to test it.
///
/// # Examples
///
/// ```
/// use raaf_testkit::conformance::Suite;
/// use raaf_trace_core::MemoryExporter;
///
/// Suite::exporter(MemoryExporter::new).read_back(|memory| memory.spans()).check();
/// ```
#[must_use = "a suite does nothing until it is run"]
pub struct Suite<S, M> {
    make: M,
    checks: Vec<(Rule, Check<S>)>,
    read_back: Option<ReadBack<S>>,
    patience: Duration,
    excepted: Vec<Rule>,
    /// Checks the rule for wrappers.
    wrapper: Option<WrapperCheck>,
}

type WrapperCheck = Box<dyn Fn(Duration) -> Result<(), Broken>>;

type Check<S> = fn(&Probe<S>) -> Verdict;

impl<P: SpanProcessor, M: Fn() -> P> Suite<P, M> {
    /// Creates a suite for a processor.
    pub fn processor(make: M) -> Self {
        Self::new(make, processor::checks())
    }
}

impl<W: SpanProcessor> Suite<W, Box<dyn Fn() -> W>> {
    /// Creates a suite for a processor that wraps another one: the rules for processors, and that
    /// what the wrapper does not answer itself reaches the [`InnerProcessor`] processor.
    pub fn wrapper(wrap: impl Fn(InnerProcessor) -> W + 'static) -> Self {
        let wrap = Rc::new(wrap);
        let make = Rc::clone(&wrap);
        let mut suite =
            Self::new(Box::new(move || make(InnerProcessor::new(true))), processor::checks());
        suite.wrapper = Some(Box::new(move |patience| {
            let probe = Probe::new(Wrapped::new(&*wrap), None);
            deadline::watch(patience, probe, passes_on)
        }));
        suite
    }
}

impl<E: SpanExporter, M: Fn() -> E> Suite<E, M> {
    /// Creates a suite for an exporter.
    pub fn exporter(make: M) -> Self {
        Self::new(make, exporter::checks())
    }
}

impl<S: Send + Sync + 'static, M: Fn() -> S> Suite<S, M> {
    fn new(make: M, checks: Vec<(Rule, Check<S>)>) -> Self {
        Self {
            make,
            checks,
            read_back: None,
            patience: PATIENCE,
            excepted: Vec::new(),
            wrapper: None,
        }
    }

    /// Sets how to read back what the sink has delivered, in order; called after a flush. Each sink
    /// that the suite makes must deliver to a place of its own: a file, a server, a buffer.
    pub fn read_back(
        mut self,
        read: impl Fn(&S) -> Vec<FinishedSpan> + Send + Sync + 'static,
    ) -> Self {
        self.read_back = Some(Arc::new(read));
        self
    }

    /// Sets how long the calls of one rule may take together before the sink counts as hanging.
    /// Default: 20 seconds.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Exempts the sink from a rule. State the reason beside the call.
    pub fn except(mut self, rule: Rule) -> Self {
        self.excepted.push(rule);
        self
    }

    /// Checks the sink against the rules and returns the result. Stops after a call that hangs.
    pub fn run(&self) -> Report {
        let mut report = Report::default();
        for (rule, check) in &self.checks {
            self.run_rule(&mut report, *rule, || {
                let probe = Probe::new((self.make)(), self.read_back.clone());
                deadline::watch(self.patience, probe, *check)
            });
        }
        if let Some(check) = &self.wrapper {
            self.run_rule(&mut report, Rule::Wrapper, || check(self.patience));
        }
        report
    }

    fn run_rule(
        &self,
        report: &mut Report,
        rule: Rule,
        check: impl FnOnce() -> Result<(), Broken>,
    ) {
        let blind = rule.needs_reading() && self.read_back.is_none();
        if blind || report.has_hung() || self.excepted.contains(&rule) {
            report.skipped.push(rule);
            return;
        }
        match check() {
            Ok(()) => report.kept.push(rule),
            Err(broken) => report.violations.push(broken.of(rule)),
        }
    }

    /// Checks the sink against the rules.
    ///
    /// # Panics
    ///
    /// Panics if it breaks one; the message names each that it breaks.
    #[track_caller]
    pub fn check(&self) {
        let report = self.run();
        assert!(report.violations.is_empty(), "{report}");
    }
}

impl<S, M> fmt::Debug for Suite<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite")
            .field("rules", &self.checks.iter().map(|(rule, _)| rule).collect::<Vec<_>>())
            .field("reads_back", &self.read_back.is_some())
            .field("patience", &self.patience)
            .field("excepted", &self.excepted)
            .finish_non_exhaustive()
    }
}
