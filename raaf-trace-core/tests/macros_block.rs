//! `traced_block!`.

mod support;

use std::num::ParseIntError;

use raaf_trace_core::{Component, Traceable, traced_block};
use support::Seen;
use tokio::task::yield_now;

#[derive(Traceable)]
struct Tool {
    component: Component,
    count: u32,
}

fn parse(text: &str) -> Result<i32, ParseIntError> {
    text.parse()
}

impl Tool {
    fn new(seen: &Seen) -> Self {
        Self { component: seen.tool(), count: 0 }
    }

    fn validate(&self, data: &str) -> Result<i32, ParseIntError> {
        traced_block!(
            self,
            "validation",
            data_size = data.len(),
            data,
            content(prompt = data),
            || { parse(data) }
        )
    }

    fn bump(&mut self) -> u32 {
        traced_block!(self, "bump", || {
            self.count += 1;
            self.count
        })
    }

    async fn bump_later(&mut self) -> u32 {
        traced_block!(self, "bump_later", async {
            self.count += 1;
            self.count
        })
        .await
    }

    #[allow(clippy::manual_async_fn, reason = "the future is made at once and polled later")]
    fn lazy(&self, text: String) -> impl Future<Output = i32> + Send {
        traced_block!(self, "lazy", text, async move {
            yield_now().await;
            parse(&text).unwrap_or(self.count.cast_signed())
        })
    }

    fn question_mark(&self) -> anyhow::Result<i32> {
        let number =
            traced_block!(self, "question", || -> anyhow::Result<i32> { Ok(parse("x")?) })?;
        Ok(number)
    }
}

#[test]
fn g1_a_closure_runs_at_once_in_one_span() {
    let seen = Seen::new();
    let mut tool = Tool::new(&seen);
    assert_eq!(tool.validate("12"), Ok(12));
    assert!(tool.validate("x").is_err());
    assert_eq!(tool.bump(), 1);
    assert!(tool.question_mark().is_err());
    assert_eq!(
        seen.take(),
        [
            "validation data_size=2 data=12 prompt*=12: ok i32",
            "validation data_size=1 data=x prompt*=x: error ParseIntError: invalid digit found in string",
            "bump: ok u32",
            "question: error ParseIntError: invalid digit found in string",
        ]
    );
}

#[tokio::test]
async fn g1_an_async_block_is_decided_at_its_first_poll() {
    let seen = Seen::new();
    let mut tool = Tool::new(&seen);
    assert_eq!(tool.bump_later().await, 1);
    drop(tool.lazy("1".into()));
    assert_eq!(tool.lazy("1".into()).await, 1);
    let moved = traced_block!(tool, "moved", async move {
        yield_now().await;
        1_u8
    });
    assert_eq!(tokio::spawn(moved).await.unwrap(), 1);
    assert_eq!(seen.take(), ["bump_later: ok u32", "lazy text=1: ok i32", "moved: ok u8"]);
}

#[tokio::test]
async fn g1_a_prepared_call_is_taken_as_it_is() {
    let seen = Seen::new();
    let tool = Tool::new(&seen);
    assert_eq!(traced_block!(tool.traced("sum").with("a", 1), b = 2, || 1 + 1), 2);
    let call = tool.traced("later");
    assert_eq!(traced_block!(call, async { 1_u8 }).await, 1);
    assert_eq!(traced_block!(tool.component, "bare", || tool.count), 0);
    assert_eq!(seen.take(), ["sum a=1 b=2: ok i32", "later: ok u8", "bare: ok u32"]);
}
