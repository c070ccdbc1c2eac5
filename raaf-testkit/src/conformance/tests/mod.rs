//! The suites find what they are there to find: for each rule there is a sink that breaks it.

mod broken_exporter;
mod broken_processor;
mod broken_wrapper;

use std::{collections::BTreeSet, time::Duration};

use raaf_trace_core::{FinishedSpan, SpanProcessor};

use super::{Report, Rule, Suite, Violation, check_processor};
use broken_exporter::BrokenExporter;
use broken_processor::BrokenProcessor;

fn broken(report: &Report) -> BTreeSet<Rule> {
    report.violations().iter().map(Violation::rule).collect()
}

fn processor(fault: Option<Rule>) -> Report {
    let make = move || BrokenProcessor::new(fault);
    Suite::processor(make).read_back(BrokenProcessor::delivered).run()
}

fn exporter(fault: Option<Rule>) -> Report {
    let make = move || BrokenExporter::new(fault);
    Suite::exporter(make).read_back(BrokenExporter::delivered).run()
}

#[test]
fn sinks_without_a_fault_keep_every_rule() {
    for report in [processor(None), exporter(None)] {
        assert!(report.violations().is_empty(), "{report}");
        assert!(report.to_string().starts_with("the sink keeps all "), "{report}");
    }
}

#[test]
fn each_fault_of_a_processor_is_found() {
    for &rule in Rule::ALL {
        let report = processor(Some(rule));
        // A fault that has no place in a processor breaks nothing.
        let expected = ![Rule::LargeBatch, Rule::Wrapper].contains(&rule);
        assert_eq!(broken(&report).contains(&rule), expected, "{rule}: {report}");
    }
}

#[test]
fn each_fault_of_an_exporter_is_found() {
    for &rule in Rule::ALL {
        let only_of_processors =
            [Rule::StatsAddUp, Rule::HalfSeen, Rule::WhileSpansEnd, Rule::Wrapper].contains(&rule);
        let report = exporter(Some(rule));
        assert_eq!(broken(&report).contains(&rule), !only_of_processors, "{rule}: {report}");
    }
}

#[test]
fn a_fault_breaks_few_rules_besides_its_own() {
    assert_eq!(broken(&processor(Some(Rule::EachOnce))), [Rule::EachOnce].into());
    for rule in [Rule::Name, Rule::InOrder, Rule::ShutdownTwice, Rule::Drop] {
        assert_eq!(broken(&processor(Some(rule))), [rule].into());
        assert_eq!(broken(&exporter(Some(rule))), [rule].into());
    }
}

#[test]
fn the_failure_names_rule_and_call() {
    let text = processor(Some(Rule::EachOnce)).to_string();
    assert!(
        text.starts_with(
            "the sink breaks 1 of 18 rules:\n    each-once: it delivered this span twice: span_"
        ),
        "{text}"
    );
    let text = processor(Some(Rule::ShutdownTwice)).to_string();
    let expected = "\n    shutdown-twice: shutdown(600s) panicked: shut down already";
    assert!(text.ends_with(expected), "{text}");
    let text = exporter(Some(Rule::LargeBatch)).to_string();
    assert!(text.ends_with("\n    large-batch: the export failed: too large"), "{text}");
}

/// Never comes back.
struct Hangs;

impl SpanProcessor for Hangs {
    fn name(&self) -> &'static str {
        loop {
            std::thread::park();
        }
    }
}

#[test]
fn a_sink_that_hangs_is_told_and_left_alone() {
    let report = Suite::processor(|| Hangs).patience(Duration::from_millis(20)).run();
    assert_eq!(broken(&report), [Rule::Name].into());
    let text = report.to_string();
    assert!(text.contains("\n    name: name did not return within 20ms\n"), "{text}");
    assert!(text.contains("these were not looked at: nothing-received, hostile-text"), "{text}");
    assert_eq!(report.kept().len(), 0);
}

#[test]
fn a_rule_can_be_excepted() {
    let make = || BrokenProcessor::new(Some(Rule::ShutdownTwice));
    let suite = Suite::processor(make).except(Rule::ShutdownTwice);
    let report = suite.run();
    assert!(report.violations().is_empty(), "{report}");
    assert!(report.skipped().contains(&Rule::ShutdownTwice));
    assert!(report.skipped().contains(&Rule::InOrder), "without reading back");
}

/// Keeps to the defaults of the trait.
struct Defaults;

impl SpanProcessor for Defaults {}

/// Counts by itself nothing, as most processors.
struct Metrics(std::sync::atomic::AtomicU64);

impl SpanProcessor for Metrics {
    fn on_end(&self, _: &FinishedSpan) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn processors_that_leave_most_to_the_provider_pass() {
    check_processor(|| Defaults);
    check_processor(|| Metrics(0.into()));
}

#[test]
fn the_page_lists_every_rule() {
    let page = include_str!("../mod.rs");
    for rule in Rule::ALL {
        assert!(page.contains(&format!("//! | `{rule}` | ")), "{rule}");
    }
}
