//! `#[traced]` on `async` methods.

mod support;

use std::{error::Error, fmt::Display};

use futures::FutureExt as _;
use raaf_trace_core::{Component, Traceable, traced};
use support::Seen;
use tokio::task::yield_now;

#[derive(Traceable)]
struct Tool {
    component: Component,
    count: u32,
}

impl Tool {
    fn new(seen: &Seen) -> Self {
        Self { component: seen.tool(), count: 0 }
    }

    #[traced(with(query))]
    async fn fetch(&self, query: &str) -> Result<i32, anyhow::Error> {
        yield_now().await;
        if query == "early" {
            return Ok(0);
        }
        Ok(query.parse()?)
    }

    #[traced]
    async fn unit(&self) {}

    #[traced]
    async fn add(&mut self, number: u32) -> &mut u32 {
        yield_now().await;
        self.count += number;
        &mut self.count
    }

    #[traced]
    async fn boxed(
        &self,
        fail: bool,
    ) -> Result<Box<dyn Display + Send>, Box<dyn Error + Send + Sync>> {
        if fail {
            Err("bad")?;
        }
        Ok(Box::new(3))
    }

    #[traced(stream = false)]
    async fn iterate<'a, 'b: 'a>(
        &'a self,
        bytes: &'b [u8],
    ) -> impl Iterator<Item = &'b u8> + use<'b> {
        bytes.iter()
    }

    #[traced]
    async fn generic<T>(&self, value: &T, change: impl Fn(T) -> T + Send + Sync) -> T
    where
        T: Send + Sync + Clone,
    {
        yield_now().await;
        change(value.clone())
    }

    #[traced(with(name = name.as_ref()))]
    async fn named(&mut self, name: impl AsRef<str> + Send) -> usize {
        self.count += 1;
        name.as_ref().len()
    }

    #[traced]
    async fn panics(&self) -> u8 {
        yield_now().await;
        panic!("boom")
    }

    #[traced]
    async fn endless(&self) -> ! {
        loop {
            yield_now().await;
        }
    }

    #[traced]
    async fn count_down(&self, number: u32) -> u32 {
        if number == 0 { 0 } else { Box::pin(self.count_down(number - 1)).await + 1 }
    }
}

trait Native {
    fn go(&self, number: u32) -> impl Future<Output = u32> + Send;
}

impl Native for Tool {
    #[traced]
    async fn go(&self, number: u32) -> u32 {
        number
    }
}

trait Later: Traceable {
    #[traced]
    async fn later(&self) -> u32 {
        2
    }
}

impl Later for Tool {}

fn send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn g1_futures_give_one_span_and_their_output() {
    let seen = Seen::new();
    let mut tool = Tool::new(&seen);
    tool.unit().await;
    *send(tool.add(1)).await += 1;
    assert_eq!(tool.count, 2);
    assert_eq!(tool.iterate(&[1, 2]).await.count(), 2);
    assert_eq!(send(tool.generic(&1, |number| number + 1)).await, 2);
    assert_eq!(tool.named("ab").await, 2);
    let mut lines = seen.take();
    assert!(lines[2].starts_with("iterate: ok "), "{lines:?}");
    lines.remove(2);
    assert_eq!(
        lines,
        ["unit: ok unit", "add: ok u32", "generic: ok i32", "named name=ab: ok usize"]
    );
}

#[tokio::test]
async fn g1_a_future_that_is_never_polled_makes_no_span() {
    let seen = Seen::new();
    let tool = Tool::new(&seen);
    drop(tool.fetch("1"));
    assert!(seen.take().is_empty());
}

#[tokio::test]
async fn g1_an_async_result_decides_how_the_span_ends() {
    let seen = Seen::new();
    let tool = Tool::new(&seen);
    assert_eq!(send(tool.fetch("1")).await.unwrap(), 1);
    assert_eq!(tool.fetch("early").await.unwrap(), 0);
    assert!(tool.fetch("x").await.is_err());
    assert!(send(tool.boxed(true)).await.is_err());
    assert_eq!(tool.boxed(false).await.unwrap().to_string(), "3");
    assert_eq!(
        seen.take(),
        [
            "fetch query=1: ok i32",
            "fetch query=early: ok i32",
            "fetch query=x: error ParseIntError: invalid digit found in string",
            "boxed: error Box<dyn Error + Send + Sync>: bad",
            "boxed: ok Box",
        ]
    );
}

#[tokio::test]
async fn g1_async_methods_of_traits_are_traced() {
    let seen = Seen::new();
    let tool = Tool::new(&seen);
    assert_eq!(send(tool.go(1)).await, 1);
    assert_eq!(tool.later().await, 2);
    assert_eq!(seen.take(), ["go: ok u32", "later: ok u32"]);
}

#[tokio::test]
async fn g12_an_async_method_that_calls_itself_is_one_span() {
    let seen = Seen::new();
    assert_eq!(Tool::new(&seen).count_down(3).await, 3);
    assert_eq!(seen.take(), ["count_down: ok u32"]);
}

#[tokio::test]
async fn l1_an_async_panic_passes_through_and_is_told() {
    let seen = Seen::new();
    let tool = Tool::new(&seen);
    let panicked = std::panic::AssertUnwindSafe(tool.panics()).catch_unwind().await;
    assert!(panicked.is_err());
    assert_eq!(seen.take(), ["panics: error panic: boom"]);
}

#[tokio::test]
async fn l2_a_future_dropped_halfway_is_cancelled() {
    let seen = Seen::new();
    let tool = Tool::new(&seen);
    let mut endless = Box::pin(tool.endless());
    assert!((&mut endless).now_or_never().is_none());
    assert!(seen.take().is_empty());
    drop(endless);
    assert_eq!(seen.take(), ["endless: cancelled"]);
}
