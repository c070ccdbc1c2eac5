//! `#[traced]` on methods that return a future without being `async`.

mod support;

use std::pin::Pin;

use futures::future::BoxFuture;
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

    #[traced(with(text))]
    async fn parse(&self, text: &str) -> Result<i32, String> {
        yield_now().await;
        text.parse().map_err(|_| "not a number".to_owned())
    }

    #[traced(with(text))]
    fn opaque(&self, text: &str) -> impl Future<Output = Result<usize, String>> + Send {
        let text = text.to_owned();
        async move {
            yield_now().await;
            if text.is_empty() {
                Err("empty")?;
            }
            Ok(text.len())
        }
    }

    #[traced]
    fn boxed(&mut self, number: u32) -> Pin<Box<dyn Future<Output = u32> + Send + '_>> {
        Box::pin(async move {
            self.count += number;
            self.count
        })
    }

    #[traced]
    fn passed_on(&self, text: &'static str) -> impl Future<Output = Result<i32, String>> {
        if text.is_empty() {
            return self.parse("7");
        }
        self.parse(text)
    }

    #[traced]
    fn boxed_and_passed_on<'a>(&'a self, text: &'a str) -> BoxFuture<'a, Result<i32, String>> {
        if text.is_empty() {
            return Box::pin(async { Err("empty".to_owned()) });
        }
        Box::pin(self.parse(text))
    }

    #[traced(component = component)]
    fn detached(&self) -> impl Future<Output = u32> + Send + use<> + 'static {
        let component = self.component.clone();
        let count = self.count;
        async move { count }
    }
}

fn send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn g1_the_async_block_at_the_end_is_what_is_traced() {
    let seen = Seen::new();
    let mut tool = Tool::new(&seen);
    drop(tool.opaque("ab"));
    assert!(seen.take().is_empty(), "a future that is never polled makes no span");

    assert_eq!(send(tool.opaque("ab")).await, Ok(2));
    assert!(tool.opaque("").await.is_err());
    assert_eq!(send(tool.boxed(1)).await, 1);
    assert_eq!(
        seen.take(),
        ["opaque text=ab: ok usize", "opaque text=: error String: empty", "boxed: ok u32"]
    );
}

#[tokio::test]
async fn g1_a_future_made_elsewhere_runs_inside_the_span() {
    let seen = Seen::new();
    let tool = Tool::new(&seen);
    assert_eq!(tool.passed_on("").await, Ok(7));
    assert_eq!(seen.take(), ["parse text=7: ok i32", "passed_on: ok i32"]);
    assert!(tool.boxed_and_passed_on("").await.is_err());
    assert_eq!(tool.boxed_and_passed_on("4").await, Ok(4));
    assert_eq!(
        seen.take(),
        [
            "boxed_and_passed_on: error String: empty",
            "parse text=4: ok i32",
            "boxed_and_passed_on: ok i32",
        ]
    );
}

#[tokio::test]
async fn g1_a_static_future_owns_its_component() {
    let seen = Seen::new();
    let tool = Tool::new(&seen);
    let detached = tool.detached();
    drop(tool);
    assert_eq!(tokio::spawn(detached).await.unwrap(), 0);
    assert_eq!(seen.take(), ["detached: ok u32"]);
}
