//! `#[traced]` inside `#[async_trait]` implementations.

mod support;

use raaf_trace_core::{Component, Traceable, traced};
use support::Seen;
use tokio::task::yield_now;

#[derive(Traceable)]
struct Tool {
    component: Component,
    count: u32,
}

#[async_trait::async_trait]
trait Agent: Send + Sync {
    async fn run(&self, query: &str) -> anyhow::Result<String>;
    async fn step(&mut self, number: u32) -> u32;
    async fn unit(&self);
    async fn lend<'a>(
        &'a self,
        text: &'a str,
        mut number: u32,
        (a, b): (u32, u32),
    ) -> Result<&'a str, String>;
    async fn make<T: Send + ToString>(&self, value: T) -> String
    where
        Self: Sized;
}

#[async_trait::async_trait]
impl Agent for Tool {
    #[traced(with(query), result = |text, attributes| { attributes.set("result.len", text.len()); })]
    async fn run(&self, query: &str) -> anyhow::Result<String> {
        yield_now().await;
        if query.is_empty() {
            anyhow::bail!("empty");
        }
        let number: i32 = query.parse()?;
        Ok(format!("{number}{}", self.count))
    }

    #[traced]
    async fn step(&mut self, number: u32) -> u32 {
        self.count += number;
        self.count
    }

    #[traced]
    async fn unit(&self) {}

    #[traced(
        with(count = self.count, text, number),
        result = |text, attributes| { attributes.set("count", text.len() + self.count as usize); },
        skip_if = self.count > 9,
    )]
    async fn lend<'a>(
        &'a self,
        text: &'a str,
        mut number: u32,
        (a, b): (u32, u32),
    ) -> Result<&'a str, String> {
        number += a + b + self.count;
        if number > 100 {
            return Err("too many".into());
        }
        Ok(text)
    }

    #[traced]
    async fn make<T: Send + ToString>(&self, value: T) -> String {
        let digit = Self::digit();
        format!("{}{digit}", value.to_string())
    }
}

impl Tool {
    fn new(seen: &Seen) -> Self {
        Self { component: seen.tool(), count: 0 }
    }

    fn digit() -> u32 {
        1
    }
}

#[tokio::test]
async fn g1_the_method_is_traced_behind_a_trait_object() {
    let seen = Seen::new();
    let mut agent: Box<dyn Agent> = Box::new(Tool::new(&seen));
    drop(agent.run("1"));
    assert!(seen.take().is_empty(), "a future that is never polled makes no span");

    assert_eq!(agent.run("1").await.unwrap(), "10");
    assert_eq!(agent.step(2).await, 2);
    agent.unit().await;
    assert_eq!(
        seen.take(),
        ["run query=1 result.len=2: ok String", "step: ok u32", "unit: ok unit"]
    );
}

#[tokio::test]
async fn g17_its_errors_are_told() {
    let seen = Seen::new();
    let tool = Tool::new(&seen);
    assert!(tool.run("").await.is_err());
    assert!(tool.run("x").await.is_err());
    assert!(tool.lend("abc", 101, (2, 3)).await.is_err());
    assert_eq!(
        seen.take(),
        [
            "run query=: error anyhow::Error: empty",
            "run query=x: error ParseIntError: invalid digit found in string",
            "lend count=0 text=abc number=101: error String: too many",
        ]
    );
}

#[tokio::test]
async fn g1_lifetimes_patterns_and_generics_survive() {
    let seen = Seen::new();
    let mut tool = Tool::new(&seen);
    assert_eq!(tool.lend("abc", 1, (2, 3)).await.unwrap(), "abc");
    assert_eq!(tool.make(4).await, "41");
    tool.count = 10;
    assert_eq!(tool.lend("abc", 1, (2, 3)).await.unwrap(), "abc");
    assert_eq!(
        seen.take(),
        ["lend count=3 text=abc number=1: ok str", "make: ok String"],
        "the second call of `lend` is skipped"
    );
}
