//! `#[traced]` on methods that are not `async`.

mod support;

use std::{
    error::Error,
    fmt::{Debug, Display},
    num::ParseIntError,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    sync::Arc,
};

use raaf_trace_core::{Component, Traceable, traced};
use support::Seen;

#[derive(Traceable)]
struct Tool {
    component: Component,
    items: Vec<String>,
    count: u32,
}

impl Tool {
    fn new(seen: &Seen) -> Self {
        Self { component: seen.tool(), items: Vec::new(), count: 0 }
    }

    #[traced]
    fn plain(&self) -> u32 {
        self.count
    }

    #[traced]
    fn unit(&self) {}

    #[traced]
    fn early(&mut self, number: u32) {
        if number > 1 {
            self.count = 5;
            return;
        }
        self.count = number;
    }

    #[traced]
    fn parse(&self, text: &str) -> Result<i32, ParseIntError> {
        let number = text.parse::<i32>()?;
        Ok(number)
    }

    #[traced]
    fn option(&self, number: Option<u32>) -> Option<u32> {
        Some(number? + 1)
    }

    #[traced]
    fn borrow_mutably(&mut self) -> &mut Vec<String> {
        self.items.push("a".into());
        &mut self.items
    }

    #[traced]
    fn longer<'a>(&self, first: &'a str, _second: &str) -> &'a str {
        first
    }

    #[traced]
    fn elided(&self, index: usize) -> Option<&str> {
        self.items.get(index).map(String::as_str)
    }

    #[traced(stream = false)]
    fn iterate(&self, skip: usize) -> impl Iterator<Item = &String> + '_ {
        self.items.iter().skip(skip)
    }

    #[traced(stream = false)]
    fn try_iterate(&self, text: &str) -> Result<impl Iterator<Item = u8> + use<>, ParseIntError> {
        let number = text.parse::<u8>()?;
        Ok(0..number)
    }

    #[traced]
    fn unsized_by_return(&self) -> Box<dyn Fn(u8) -> u8> {
        if self.count > 3 {
            return Box::new(|number| number);
        }
        Box::new(|number| number + 1)
    }

    #[traced]
    fn generic<T, const N: usize>(&self, values: [T; N], show: impl Fn(&T) -> String) -> String
    where
        T: Clone,
    {
        values.iter().map(show).collect()
    }

    #[traced]
    fn generic_result<T, E: Debug>(&self, result: Result<T, E>) -> Result<T, E> {
        result
    }

    #[traced]
    fn patterns(&self, (a, b): (u32, u32), [c, ..]: [u32; 3], mut d: u32) -> u32 {
        d += 1;
        a + b + c + d
    }

    #[traced]
    fn consume(self) -> Vec<String> {
        self.items
    }

    #[traced]
    fn boxed(self: Box<Self>) -> u32 {
        self.count
    }

    #[traced]
    fn counted(self: Rc<Self>) -> usize {
        Rc::strong_count(&self)
    }

    #[traced]
    fn shared(self: &Arc<Self>) -> usize {
        Arc::strong_count(self)
    }

    #[traced]
    fn pinned(self: Pin<&mut Self>) -> u32 {
        self.count
    }

    /// Documentation and attributes stay.
    #[must_use]
    #[traced]
    fn r#type(&self) -> String {
        String::from("x")
    }

    #[traced]
    fn panics(&self) -> u8 {
        panic!("boom")
    }

    #[traced]
    fn never(&self) -> ! {
        panic!("never")
    }

    #[traced]
    fn any(&self) -> anyhow::Result<u8> {
        anyhow::bail!("any")
    }

    #[traced]
    fn recurse(&self, depth: u32) -> Result<u32, Box<dyn Error>> {
        if depth == 0 {
            return Err("end".into());
        }
        self.recurse(depth - 1)
    }
}

#[traced(component = component)]
fn free(component: &Component, number: u8) -> u8 {
    number
}

impl Tool {
    #[traced(component = tool)]
    fn associated(tool: &Tool, number: u32) -> u32 {
        number + tool.count
    }
}

trait Named: Traceable {
    #[traced]
    fn default_body(&self, number: u32) -> u32 {
        number
    }
}

impl Named for Tool {}

#[test]
fn g1_plain_values_come_back_unchanged() {
    let seen = Seen::new();
    let mut tool = Tool::new(&seen);
    tool.unit();
    tool.early(3);
    assert_eq!(tool.plain(), 5);
    assert_eq!(tool.option(None), None);
    assert_eq!(tool.patterns((1, 2), [3, 4, 5], 6), 13);
    assert_eq!(
        seen.take(),
        [
            "unit: ok unit",
            "early: ok unit",
            "plain: ok u32",
            "option: ok Option",
            "patterns: ok u32"
        ]
    );
}

#[test]
fn g1_a_result_decides_how_the_span_ends() {
    let seen = Seen::new();
    let tool = Tool::new(&seen);
    assert_eq!(tool.parse("12"), Ok(12));
    assert!(tool.parse("x").is_err());
    assert!(tool.any().is_err());
    assert!(tool.generic_result::<u8, _>(Err('x')).is_err());
    assert_eq!(
        seen.take(),
        [
            "parse: ok i32",
            "parse: error ParseIntError: invalid digit found in string",
            "any: error anyhow::Error: any",
            "generic_result: error char: 'x'",
        ]
    );
}

#[test]
fn g1_borrowed_and_opaque_values_keep_their_types() {
    let seen = Seen::new();
    let mut tool = Tool::new(&seen);
    tool.borrow_mutably().push("b".into());
    assert_eq!(tool.elided(1), Some("b"));
    assert_eq!(tool.longer("a", "b"), "a");
    assert_eq!(tool.iterate(1).count(), 1);
    assert_eq!(tool.try_iterate("3").unwrap().count(), 3);
    assert!(tool.try_iterate("x").is_err());
    assert_eq!(tool.unsized_by_return()(1), 2);
    assert_eq!(tool.generic([1, 2], ToString::to_string), "12");
    assert_eq!(seen.take().len(), 8);
}

#[test]
fn g1_every_kind_of_receiver_is_traced() {
    let seen = Seen::new();
    let mut tool = Tool::new(&seen);
    assert_eq!(Pin::new(&mut tool).pinned(), 0);
    let tool = Arc::new(tool);
    assert_eq!(tool.shared(), 1);
    assert!(Arc::into_inner(tool).unwrap().consume().is_empty());
    assert_eq!(Box::new(Tool::new(&seen)).boxed(), 0);
    assert_eq!(Rc::new(Tool::new(&seen)).counted(), 1);
    let methods: Vec<_> = seen.take();
    assert_eq!(
        methods,
        [
            "pinned: ok u32",
            "shared: ok usize",
            "consume: ok Vec",
            "boxed: ok u32",
            "counted: ok usize"
        ]
    );
}

#[test]
fn g1_functions_without_self_name_their_component() {
    let seen = Seen::new();
    let tool = Tool::new(&seen);
    assert_eq!(free(&tool.component, 3), 3);
    assert_eq!(Tool::associated(&tool, 1), 1);
    assert_eq!(tool.default_body(2), 2);
    assert_eq!(tool.r#type(), "x");
    assert_eq!(
        seen.take(),
        ["free: ok u8", "associated: ok u32", "default_body: ok u32", "type: ok String"]
    );
}

#[test]
fn g12_a_method_that_calls_itself_is_one_span() {
    let seen = Seen::new();
    assert!(Tool::new(&seen).recurse(3).is_err());
    assert_eq!(seen.take(), ["recurse: error Box<dyn Error>: end"]);
}

#[test]
fn l1_a_panic_passes_through_and_is_told() {
    let seen = Seen::new();
    let tool = Tool::new(&seen);
    assert!(catch_unwind(AssertUnwindSafe(|| tool.panics())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| tool.never())).is_err());
    assert_eq!(seen.take(), ["panics: error panic: boom", "never: error panic: never"]);
}

#[test]
fn g1_a_type_parameter_that_may_be_a_result_counts_as_a_plain_value() {
    struct Passing(Component);
    impl Traceable for Passing {
        fn component(&self) -> &Component {
            &self.0
        }
    }
    impl Passing {
        #[traced]
        fn pass<T: Display>(&self, value: T) -> T {
            value
        }
    }
    let seen = Seen::new();
    assert_eq!(Passing(seen.tool()).pass("a"), "a");
    assert_eq!(seen.take(), ["pass: ok str"]);
}
