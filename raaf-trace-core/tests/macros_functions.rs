//! `#[traced]` on functions that have a component of their own.

use futures::{Stream, StreamExt as _, stream};
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{Component, Traceable, traced};

#[traced(tool = "indexer", with(words = text.split(' ').count()))]
fn index(text: &str) -> Result<usize, std::num::ParseIntError> {
    text.split(' ').next_back().map_or(Ok(0), str::parse)
}

#[traced(agent = "Planner")]
async fn plan(depth: u32) -> u32 {
    if depth == 0 { 0 } else { Box::pin(inner(depth - 1)).await }
}

#[traced(component = "Loader", kind = "processor", new)]
async fn inner(depth: u32) -> u32 {
    plan(depth).await
}

#[traced("phases", pipeline = "Docs")]
fn generic<T: Clone>(value: &T) -> T {
    value.clone()
}

#[traced(component = "NightJob", stream)]
fn run() -> impl Stream<Item = u8> {
    stream::iter([1, 2])
}

#[traced(tool = "writer")]
fn returned(text: &str) -> impl Future<Output = usize> + Send {
    let length = text.len();
    async move { length }
}

struct Plain(u8);

impl Plain {
    #[traced(runner = "Plain")]
    fn go(&mut self) -> u8 {
        self.0
    }
}

#[derive(Traceable)]
#[trace(new, kind = "processor", name = "Batches")]
struct Batch<T: Clone>
where
    T: Send,
{
    #[trace("batch.size")]
    size: u32,
    component: Component,
    item: T,
}

#[derive(Traceable)]
#[trace(new)]
struct Pair(u8, Component);

#[tokio::test]
async fn g1_a_function_is_traced_as_a_component_of_its_own() {
    let capture = Capture::new();
    let work = async {
        assert_eq!(index("a b 7"), Ok(7));
        assert!(index("x").is_err());
        assert_eq!(plan(2).await, 0);
        assert_eq!((generic(&1), generic(&"a")), (1, "a"));
        assert_eq!(run().count().await, 2);
        assert_eq!(returned("abc").await, 3);
        assert_eq!(Plain(1).go(), 1);
    };
    capture.run_async(work).await;
    assert_span_tree!(capture, {
        tool "indexer".index [words = 3, status = ok]
        tool "indexer".index [words = 1, status = error]
        agent "Planner".plan {
            processor "Loader".inner {
                agent "Planner".plan {
                    processor "Loader".inner { agent "Planner".plan }
                }
            }
        }
        pipeline "Docs".phases x 2
        job "NightJob" ["stream.items" = 2]
        tool "writer".returned
        runner "Plain".go
    });
}

#[test]
fn g2_a_derived_constructor_makes_the_component() {
    let batch = Batch::new(3, "item");
    assert_eq!((batch.size, batch.item), (3, "item"));
    assert_eq!(batch.component().kind().as_str(), "processor");
    assert_eq!(batch.component().name(), "Batches");
    let (one, two) = (Pair::new(1), Pair::new(2));
    assert_eq!((one.component().name(), one.0, two.0), ("Pair", 1, 2));
    assert!(!one.component().is(two.component()));
}
