//! Spans that last as long as a stream or an iterator.

use std::{io, panic::AssertUnwindSafe, pin::Pin};

use async_trait::async_trait;
use futures::{
    FutureExt as _, Stream, StreamExt as _, TryStreamExt as _, future::join, stream,
    stream::BoxStream,
};
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Component, FinishedSpan, Status, Traceable, attributes::ValueRef, current_span, traced,
};
use tokio::task::yield_now;

type Bytes = Pin<Box<dyn Stream<Item = Result<u8, io::Error>> + Send>>;

#[derive(Traceable)]
struct Model {
    #[trace(component)]
    component: Component,
    tokenizer: Component,
}

fn model() -> Model {
    Model {
        component: Component::new("Model").with_kind("llm"),
        tokenizer: Component::tool("Tokenizer"),
    }
}

/// Items of which each is made by a traced call, and not at once.
fn pieces(tool: &Component, count: u32) -> impl Stream<Item = u32> + Send + use<> {
    let tool = tool.clone();
    stream::iter(0..count).then(move |number| {
        let tool = tool.clone();
        async move {
            yield_now().await;
            tool.in_span("split", || number)
        }
    })
}

fn read(items: Vec<Result<u8, io::ErrorKind>>) -> impl Iterator<Item = io::Result<u8>> + Send {
    items.into_iter().map(|item| item.map_err(io::Error::from))
}

impl Model {
    #[traced(stream, with(count))]
    fn tokens(&self, count: u32) -> impl Stream<Item = u32> + use<> {
        self.tokenizer.in_span("load", || ());
        pieces(&self.tokenizer, count)
    }

    #[traced(stream)]
    fn boxed(&self) -> BoxStream<'_, u32> {
        pieces(&self.tokenizer, 2).boxed()
    }

    #[traced(stream)]
    fn alias(&self, items: Vec<Result<u8, io::ErrorKind>>) -> Bytes {
        stream::iter(read(items)).boxed()
    }

    #[traced(stream)]
    async fn connect(&self, up: bool) -> io::Result<impl Stream<Item = u32> + use<>> {
        yield_now().await;
        if !up {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(pieces(&self.tokenizer, 1))
    }

    #[traced(stream)]
    fn bytes(
        &self,
        items: Vec<Result<u8, io::ErrorKind>>,
    ) -> impl Iterator<Item = io::Result<u8>> + use<> {
        read(items)
    }

    #[traced(stream)]
    fn words<'a>(&self, text: &'a str) -> Result<Box<dyn Iterator<Item = &'a str> + 'a>, String> {
        if text.is_empty() { Err("no text".to_owned()) } else { Ok(Box::new(text.split(' '))) }
    }

    #[traced(stream = false)]
    fn plain(&self) -> impl Iterator<Item = u8> {
        0..3
    }
}

fn items(span: &FinishedSpan) -> Option<i64> {
    span.attributes().get("stream.items").and_then(ValueRef::as_i64)
}

/// The only span called `Model`.
fn span_of(work: impl FnOnce(&Model)) -> FinishedSpan {
    let capture = Capture::new();
    capture.run(|| work(&model()));
    capture.spans().only("Model").clone()
}

#[tokio::test]
async fn l9_the_span_lasts_as_long_as_the_stream_and_holds_what_is_polled() {
    let capture = Capture::new();
    let tokens = capture.run(|| model().tokens(2));
    assert_eq!(tokens.collect::<Vec<_>>().await, [0, 1]);
    assert_span_tree!(capture, {
        llm "Model".tokens [count = 2, "stream.items" = 2, success = true] {
            tool "Tokenizer".load
            tool "Tokenizer".split
            tool "Tokenizer".split
        }
    });
}

#[tokio::test]
async fn l9_every_form_of_stream_is_traced() {
    let capture = Capture::new();
    let work = async {
        let model = model();
        assert_eq!(model.boxed().count().await, 2);
        assert_eq!(model.alias(vec![Ok(1)]).count().await, 1);
        assert_eq!(model.connect(true).await.unwrap().count().await, 1);
        let call = model.traced("closure");
        assert_eq!(call.stream(pieces(&model.tokenizer, 1)).count().await, 1);
    };
    capture.run_async(work).await;
    assert_span_tree!(capture, {
        llm "Model".boxed ["stream.items" = 2] { tool "Tokenizer".split x 2 }
        llm "Model".alias ["stream.items" = 1]
        llm "Model".connect ["stream.items" = 1] { tool "Tokenizer".split }
        llm "Model".closure ["stream.items" = 1] { tool "Tokenizer".split }
    });
}

#[tokio::test]
async fn l9_a_stream_in_an_async_trait_is_traced() {
    #[async_trait]
    trait Complete {
        async fn complete(&self) -> BoxStream<'static, u32>;
    }

    #[async_trait]
    impl Complete for Model {
        #[traced(stream)]
        async fn complete(&self) -> BoxStream<'static, u32> {
            pieces(&self.tokenizer, 1).boxed()
        }
    }

    let capture = Capture::new();
    let work = async { model().complete().await.count().await };
    assert_eq!(capture.run_async(work).await, 1);
    assert_span_tree!(capture, {
        llm "Model".complete ["stream.items" = 1] { tool "Tokenizer".split }
    });
}

#[tokio::test]
async fn l9_a_stream_that_is_not_made_fails_its_span() {
    let capture = Capture::new();
    let failed = capture.run_async(async { model().connect(false).await.err() }).await;
    assert_eq!(failed.unwrap().kind(), io::ErrorKind::ConnectionRefused);
    assert!(capture.run(|| model().words("").is_err()));
    assert_span_tree!(capture, {
        llm "Model".connect [status = error]
        llm "Model".words [status = error, "error.message" = "no text"]
    });
}

#[test]
fn l9_an_iterator_is_traced_until_its_end() {
    let words = span_of(|model| assert_eq!(model.words("to be").unwrap().count(), 2));
    assert_eq!((words.status(), items(&words)), (Status::Ok, Some(2)));
    let back = span_of(|model| {
        let mut numbers = model.traced("count").iter(0..3);
        assert_eq!(numbers.len(), 3);
        assert_eq!(
            (numbers.next_back(), numbers.next(), numbers.next()),
            (Some(2), Some(0), Some(1))
        );
        assert!(current_span().is_none());
        assert_eq!(numbers.next(), None);
    });
    assert_eq!((back.status(), items(&back)), (Status::Ok, Some(3)));
    let plain = span_of(|model| assert_eq!(model.plain().count(), 3));
    assert_eq!((plain.status(), items(&plain)), (Status::Ok, None));
}

#[tokio::test]
async fn l9_dropped_early_is_cancelled() {
    let capture = Capture::new();
    let mut tokens = capture.run(|| Box::pin(model().tokens(3)));
    assert_eq!(tokens.next().await, Some(0));
    drop(tokens);
    drop(capture.run(|| model().bytes(vec![Ok(1)])));
    assert_eq!(capture.run(|| model().bytes(vec![Ok(1), Ok(2)]).next()).unwrap().unwrap(), 1);
    assert_span_tree!(capture, {
        llm "Model".tokens [status = cancelled, "stream.items" = 1] {
            tool "Tokenizer".load
            tool "Tokenizer".split
        }
        llm "Model".bytes [status = cancelled, "stream.items" = 0]
        llm "Model".bytes [status = cancelled, "stream.items" = 1]
    });
}

#[tokio::test]
async fn l9_the_last_item_decides_and_every_err_is_an_event() {
    let gone = || vec![Ok(1), Err(io::ErrorKind::NotFound), Err(io::ErrorKind::TimedOut)];
    let events = |span: &FinishedSpan| span.events().map(|event| event.name().to_owned()).collect();
    let failed = span_of(|model| assert_eq!(model.bytes(gone()).count(), 3));
    assert_eq!((failed.status(), items(&failed)), (Status::Error, Some(3)));
    assert_eq!(failed.error().unwrap().message(), Some("timed out"));
    let two: Vec<String> = events(&failed);
    assert_eq!(two, ["exception", "exception"]);

    let recovered = span_of(|model| {
        let items = vec![Err(io::ErrorKind::NotFound), Ok(1)];
        assert_eq!(model.traced("read").try_iter(read(items)).count(), 2);
    });
    assert_eq!((recovered.status(), items(&recovered)), (Status::Ok, Some(2)));
    let one: Vec<String> = events(&recovered);
    assert_eq!(one, ["exception"]);

    let stopped = span_of(|model| {
        let first = model.alias(gone()).try_collect::<Vec<_>>();
        assert!(first.now_or_never().unwrap().is_err());
    });
    assert_eq!((stopped.status(), items(&stopped)), (Status::Error, Some(2)));

    let all = span_of(|model| {
        let stream = model.traced("read").try_stream(stream::iter(read(gone())));
        assert_eq!(stream.count().now_or_never(), Some(3));
    });
    assert_eq!((all.status(), items(&all)), (Status::Error, Some(3)));
}

#[tokio::test]
async fn l5_streams_polled_in_turn_keep_their_contexts_apart() {
    let capture = Capture::new();
    let model = model();
    let (one, two) = capture.run(|| (model.tokens(2), model.boxed()));
    let (one, two) = join(one.count(), two.count()).await;
    assert_eq!((one, two), (2, 2));
    assert_span_tree!(capture, {
        llm "Model".tokens { tool "Tokenizer".load tool "Tokenizer".split x 2 }
        llm "Model".boxed { tool "Tokenizer".split x 2 }
    });
}

#[test]
fn l1_a_panic_in_a_stream_or_iterator_ends_its_span() {
    let capture = Capture::new();
    let model = model();
    let broken = || (0..2).inspect(|number| assert_eq!(*number, 0, "broken"));
    let mut numbers = capture.run(|| model.traced("iter").iter(broken()));
    assert_eq!(numbers.next(), Some(0));
    let next = AssertUnwindSafe(|| numbers.next());
    assert!(std::panic::catch_unwind(next).is_err());
    let stream = capture.run(|| model.traced("stream").stream(stream::iter(broken())));
    assert!(AssertUnwindSafe(stream.count()).catch_unwind().now_or_never().unwrap().is_err());
    drop(numbers);
    assert_span_tree!(capture, {
        llm "Model".iter [status = error, "error.type" = "panic", "stream.items" = 1]
        llm "Model".stream [status = error, "error.type" = "panic", "stream.items" = 1]
    });
}

#[test]
fn l9_without_a_span_items_pass_all_the_same() {
    let model = model();
    assert_eq!(model.traced("none").skip_if(true).iter(0..3).size_hint(), (3, Some(3)));
    assert_eq!(model.bytes(vec![Ok(1), Ok(2)]).count(), 2);
    let stream = model.traced("none").stream(stream::iter(0..2));
    assert_eq!(stream.count().now_or_never(), Some(2));
}

#[test]
fn l9_a_reused_span_notes_errors_and_goes_on() {
    let capture = Capture::new();
    let model = model();
    capture.run(|| {
        model.in_span("read", || {
            let failing = model.traced("read").try_iter(read(vec![Err(io::ErrorKind::NotFound)]));
            assert_eq!(failing.count(), 1);
        });
    });
    let spans = capture.spans();
    let span = spans.only("Model");
    assert_eq!((span.status(), span.events().len(), items(span)), (Status::Ok, 1, None));
}
