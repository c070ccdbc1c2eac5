//! The options of `#[traced]`.

mod support;

use raaf_trace_core::{Attributes, Component, Traceable, traced};
use support::Seen;

#[derive(Traceable)]
struct Tool {
    component: Component,
    count: u32,
    items: Vec<u8>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "hooks are lent what the method returned")]
fn note_number(number: &u32, attributes: &mut Attributes) {
    attributes.set("result.number", *number);
}

impl Tool {
    fn new(seen: &Seen) -> Self {
        Self { component: seen.tool(), count: 5, items: vec![1] }
    }

    #[traced(
        "parse it",
        with(text, len = text.len(), "x.y" = 3, shown = %text, debug = ?text),
        content(prompt = text),
    )]
    fn parse(&self, text: &str) -> Result<i32, std::num::ParseIntError> {
        text.parse()
    }

    #[traced(
        with(owned, count = self.count),
        result = |bytes, attributes| {
            attributes.set("total", bytes.len() + self.items.len());
        },
    )]
    fn owned(&self, owned: String, mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        bytes.extend(owned.into_bytes());
        Ok(bytes)
    }

    #[traced(result = note_number)]
    fn bump(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    #[traced(result = |number: &u32, attributes| { attributes.set("doubled", number * 2); })]
    async fn bump_later(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    #[traced(with(path))]
    fn consume(self, path: String) -> Result<String, std::io::Error> {
        Err(std::io::Error::other(path))
    }

    #[traced(skip_if = self.count == 0)]
    fn skippable(&self) -> u32 {
        self.count
    }

    #[traced(name = "whole")]
    fn whole(&self) -> u32 {
        self.part() + 1
    }

    #[traced(reuse, with(reused = true))]
    fn part(&self) -> u32 {
        1
    }

    #[traced(parent = parent)]
    fn under(&self, parent: &Component) {}
}

#[test]
fn g29_metadata_is_taken_typed_from_arguments_and_expressions() {
    let seen = Seen::new();
    assert_eq!(Tool::new(&seen).parse("12"), Ok(12));
    assert_eq!(
        seen.take(),
        ["parse it text=12 len=2 x.y=3 shown=12 debug=\"12\" prompt*=12: ok i32"]
    );
}

#[test]
fn g28_a_result_hook_sees_the_ok_value() {
    let seen = Seen::new();
    let mut tool = Tool::new(&seen);
    assert_eq!(tool.owned("ab".into(), vec![1]).unwrap().len(), 3);
    assert_eq!(tool.bump(), 6);
    assert_eq!(
        seen.take(),
        ["owned owned=ab count=5 total=4: ok Vec", "bump result.number=6: ok u32"]
    );
}

#[tokio::test]
async fn g28_a_result_hook_sees_the_output_of_a_future() {
    let seen = Seen::new();
    assert_eq!(Tool::new(&seen).bump_later().await, 6);
    assert_eq!(seen.take(), ["bump_later doubled=12: ok u32"]);
}

#[test]
fn g29_metadata_may_come_from_what_the_method_consumes() {
    let seen = Seen::new();
    assert!(Tool::new(&seen).consume("gone".into()).is_err());
    assert_eq!(seen.take(), ["consume path=gone: error io::Error::Other: gone"]);
}

#[test]
fn g40_skip_if_is_asked_at_each_call() {
    let seen = Seen::new();
    let mut tool = Tool::new(&seen);
    assert_eq!(tool.skippable(), 5);
    tool.count = 0;
    assert_eq!(tool.skippable(), 0);
    assert_eq!(seen.take(), ["skippable: ok u32"]);
}

#[test]
fn g42_reuse_takes_the_span_that_runs() {
    let seen = Seen::new();
    assert_eq!(Tool::new(&seen).whole(), 2);
    assert_eq!(seen.take(), ["whole reused=true: ok u32"]);
}

#[test]
fn g33_the_parent_is_an_expression() {
    let seen = Seen::new();
    let pipeline = Component::pipeline("Docs").with_provider(&seen.provider);
    let tool = Tool::new(&seen);
    pipeline.in_span("run", || {
        std::thread::scope(|scope| {
            scope.spawn(|| tool.under(&pipeline));
        });
    });
    assert_eq!(seen.take(), ["under: ok unit", "run: ok unit"]);
    assert_eq!(seen.provider.stats().started, 2);
}
