//! `#[traced]` on methods that return a future without being `async`.

mod support;

use std::{pin::Pin, sync::Arc};

use futures::future::BoxFuture;
use raaf_trace_core::{Component, Traceable, call::CallInfo, traced};
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

#[derive(Clone, Traceable)]
#[trace(should_create = Self::is_loud)]
struct Cloned {
    component: Component,
    #[trace("count")]
    count: u32,
}

impl Cloned {
    fn is_loud(&self, _: &CallInfo<'_>) -> bool {
        self.count > 0
    }

    #[traced(with(next = self.count + 1))]
    fn boxed(&self) -> Pin<Box<dyn Future<Output = u32> + Send>> {
        let count = self.count;
        Box::pin(async move { count })
    }

    #[traced]
    fn passed_on(&mut self) -> BoxFuture<'static, u32> {
        self.count += 1;
        if self.count > 100 {
            return Box::pin(async { 100 });
        }
        self.boxed()
    }

    #[traced]
    fn shared(self: &Arc<Self>) -> impl Future<Output = u32> + Send + use<> + 'static {
        let this = Self::clone(self);
        async move { this.count }
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

#[tokio::test]
async fn g1_a_static_future_owns_a_clone_of_a_borrowed_self() {
    let seen = Seen::new();
    let mut tool = Cloned { component: seen.tool(), count: 7 };
    let (boxed, passed_on) = (tool.boxed(), tool.passed_on());
    let shared = Arc::new(tool).shared();
    assert_eq!(tokio::spawn(boxed).await.unwrap(), 7);
    assert_eq!(seen.take(), ["boxed count=7 next=8: ok u32"]);
    assert_eq!(tokio::spawn(passed_on).await.unwrap(), 8);
    assert_eq!(seen.take(), ["boxed count=8 next=9: ok u32", "passed_on count=7: ok u32"]);
    assert_eq!(tokio::spawn(shared).await.unwrap(), 8);
    assert_eq!(seen.take(), ["shared count=8: ok u32"]);
}

#[tokio::test]
async fn g1_the_clone_in_a_static_future_decides_about_its_span() {
    let seen = Seen::new();
    let tool = Cloned { component: seen.tool(), count: 0 };
    assert_eq!(tool.boxed().await, 0);
    assert!(seen.take().is_empty());
}
