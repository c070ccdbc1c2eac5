//! `#[derive(Traceable)]`.

mod support;

use raaf_trace_core::{Attributes, Component, Traceable, call::CallInfo, traced};
use support::Seen;

#[derive(Traceable)]
#[trace(attributes = more, should_create = Self::decide)]
struct Processor<'a, T: Send, const N: usize>
where
    T: Sync,
{
    own: Component,
    #[trace("processor.batch_size")]
    batch: u32,
    #[trace]
    strict: bool,
    #[trace(content = "processor.prompt")]
    prompt: String,
    #[trace]
    r#type: &'a str,
    _items: [T; N],
}

fn more<T: Send + Sync, const N: usize>(
    processor: &Processor<'_, T, N>,
    attributes: &mut Attributes,
) {
    attributes.set("twice", processor.batch * 2);
}

impl<T: Send + Sync, const N: usize> Processor<'_, T, N> {
    fn decide(&self, call: &CallInfo<'_>) -> bool {
        self.strict && call.method() != "quiet"
    }

    #[traced]
    fn process(&self) {}

    #[traced]
    fn quiet(&self) {}
}

#[test]
fn g25_fields_and_the_hook_become_typed_attributes() {
    let seen = Seen::new();
    let processor = Processor {
        own: seen.tool(),
        batch: 3,
        strict: true,
        prompt: "hi".into(),
        r#type: "csv",
        _items: [1_u8],
    };
    processor.process();
    processor.quiet();
    assert_eq!(
        seen.take(),
        [
            "process processor.batch_size=3 strict=true processor.prompt*=hi type=csv twice=6: ok unit"
        ]
    );
}

#[derive(Traceable)]
struct Tuple(u8, Component);

#[derive(Traceable)]
struct Marked {
    #[trace(component)]
    this: Component,
    other: Component,
}

#[test]
fn the_component_is_found_by_its_type_or_by_its_mark() {
    let component = Component::new("This");
    let tuple = Tuple(1, component.clone());
    assert!(tuple.component().is(&component));
    assert_eq!(tuple.0, 1);
    let marked = Marked { this: component.clone(), other: Component::new("Other") };
    assert!(marked.component().is(&component));
    assert!(!marked.other.is(&component));
}
