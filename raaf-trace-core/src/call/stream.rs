//! Streams and iterators within a span of the same duration.

use std::{
    any::type_name,
    fmt,
    iter::FusedIterator,
    panic::resume_unwind,
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::{
    Call, CallScope,
    hooks::LazyAttributes,
    outcome::{ErrorReport, Failure, PlainValue},
    traceable::Traceable,
};

impl<T: Traceable + ?Sized, L: LazyAttributes> Call<'_, T, L> {
    /// Traces a stream: the span starts now and ends with the stream.
    ///
    /// Code that runs while the stream is polled is inside the span. The span ends as ok at the
    /// stream's end and as cancelled when the stream is dropped earlier; `stream.items` is the
    /// number of items. For items that are `Result`s, use [`try_stream`](Self::try_stream).
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::{FutureExt as _, StreamExt as _, stream};
    /// use raaf_trace_core::{Component, Traceable as _};
    ///
    /// let model = Component::new("Model").with_kind("llm");
    /// let tokens = model.traced("complete").stream(stream::iter(["to", "be"]));
    /// # let words =
    /// tokens.collect::<Vec<_>>()
    /// # .now_or_never();
    /// # assert_eq!(words.as_deref(), Some(&["to", "be"][..]));
    /// ```
    pub fn stream<S, UseTryStreamForResults>(self, stream: S) -> TracedStream<S>
    where
        S: Stream,
        S::Item: PlainValue<UseTryStreamForResults>,
    {
        TracedStream::new(self.enter(), stream, |_| None)
    }

    /// Traces a [`stream`](Self::stream) of `Result`s. Each `Err` adds an `exception` event. If the
    /// last item is an `Err`, the span fails with it, even when the stream is dropped then.
    pub fn try_stream<S, V, E, Via>(self, stream: S) -> TracedStream<S>
    where
        S: Stream<Item = Result<V, E>>,
        E: Failure<Via>,
    {
        TracedStream::new(self.enter(), stream, |item| item.as_ref().err().map(E::report))
    }

    /// Traces an iterator, like [`stream`](Self::stream) for streams.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Component, Traceable as _};
    ///
    /// let reader = Component::tool("Reader");
    /// let lines = reader.traced("lines").iter("a\nb".lines());
    /// assert_eq!(lines.count(), 2);
    /// ```
    pub fn iter<I, UseTryIterForResults>(self, iter: I) -> TracedIter<I::IntoIter>
    where
        I: IntoIterator,
        I::Item: PlainValue<UseTryIterForResults>,
    {
        TracedIter::new(self.enter(), iter.into_iter(), |_| None)
    }

    /// Traces an iterator over `Result`s, like [`try_stream`](Self::try_stream) for streams.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Component, Traceable as _};
    ///
    /// let reader = Component::tool("Reader");
    /// let numbers = reader.traced("numbers").try_iter("1 x 3".split(' ').map(str::parse::<i32>));
    /// assert_eq!(numbers.filter_map(Result::ok).sum::<i32>(), 4);
    /// ```
    pub fn try_iter<I, V, E, Via>(self, iter: I) -> TracedIter<I::IntoIter>
    where
        I: IntoIterator<Item = Result<V, E>>,
        E: Failure<Via>,
    {
        TracedIter::new(self.enter(), iter.into_iter(), |item| item.as_ref().err().map(E::report))
    }
}

/// Function that returns the error of an item that is an `Err`.
type ErrorOf<T> = fn(&T) -> Option<ErrorReport>;

/// A call that ends after its last item.
struct Passing<T> {
    scope: CallScope,
    items: u64,
    /// Error of the last item.
    error: Option<ErrorReport>,
    error_of: ErrorOf<T>,
    result_type: &'static str,
}

impl<T> Passing<T> {
    fn new<S>(scope: CallScope, error_of: ErrorOf<T>) -> Self {
        Self { scope, items: 0, error: None, error_of, result_type: type_name::<S>() }
    }

    #[inline]
    fn next(&mut self, next: impl FnOnce() -> Poll<Option<T>>) -> Poll<Option<T>> {
        if !self.scope.is_recording() {
            return next();
        }
        let polled = self.scope.enter(next).unwrap_or_else(|panic| {
            self.scope.count_items(self.items);
            self.scope.panicked(&*panic);
            resume_unwind(panic)
        });
        match &polled {
            Poll::Ready(Some(item)) => {
                self.items += 1;
                self.error = (self.error_of)(item);
                if let Some(error) = &self.error {
                    self.scope.note(error);
                }
            }
            Poll::Ready(None) => self.end(true),
            Poll::Pending => {}
        }
        polled
    }

    fn end(&mut self, complete: bool) {
        self.scope.count_items(self.items);
        let result_type = complete.then_some(self.result_type);
        self.scope.end_items(self.error.take().as_ref(), result_type);
    }
}

impl<T> Drop for Passing<T> {
    fn drop(&mut self) {
        if self.scope.is_recording() {
            self.end(false);
        }
    }
}

pin_project! {
    /// A stream within a span of the same duration; see [`Call::stream`].
    #[must_use = "streams do nothing unless polled"]
    pub struct TracedStream<S: Stream> {
        #[pin]
        stream: Option<S>,
        passing: Passing<S::Item>,
    }

    impl<S: Stream> PinnedDrop for TracedStream<S> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.passing.scope.drop_inside(|| this.stream.set(None));
        }
    }
}

impl<S: Stream> TracedStream<S> {
    /// Wraps the items of a call; `error_of` returns the error of an item. Used by the macros.
    #[doc(hidden)]
    pub fn new(scope: CallScope, stream: S, error_of: fn(&S::Item) -> Option<ErrorReport>) -> Self {
        Self { stream: Some(stream), passing: Passing::new::<S>(scope, error_of) }
    }
}

impl<S: Stream> Stream for TracedStream<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let Some(stream) = this.stream.as_pin_mut() else { return Poll::Ready(None) };
        this.passing.next(|| stream.poll_next(task))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

impl<S: FusedStream> FusedStream for TracedStream<S> {
    fn is_terminated(&self) -> bool {
        self.stream.as_ref().is_none_or(FusedStream::is_terminated)
    }
}

/// An iterator within a span of the same duration; see [`Call::iter`].
#[must_use = "iterators do nothing unless consumed"]
pub struct TracedIter<I: Iterator> {
    iter: Option<I>,
    passing: Passing<I::Item>,
}

impl<I: Iterator> TracedIter<I> {
    /// Wraps the items of a call; `error_of` returns the error of an item. Used by the macros.
    #[doc(hidden)]
    pub fn new(scope: CallScope, iter: I, error_of: fn(&I::Item) -> Option<ErrorReport>) -> Self {
        Self { iter: Some(iter), passing: Passing::new::<I>(scope, error_of) }
    }

    fn advance(&mut self, next: impl FnOnce(&mut I) -> Option<I::Item>) -> Option<I::Item> {
        let iter = self.iter.as_mut()?;
        match self.passing.next(|| Poll::Ready(next(iter))) {
            Poll::Ready(item) => item,
            Poll::Pending => None,
        }
    }
}

impl<I: Iterator> Iterator for TracedIter<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.advance(I::next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.iter.as_ref().map_or((0, Some(0)), I::size_hint)
    }
}

impl<I: DoubleEndedIterator> DoubleEndedIterator for TracedIter<I> {
    fn next_back(&mut self) -> Option<I::Item> {
        self.advance(I::next_back)
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for TracedIter<I> {}
impl<I: FusedIterator> FusedIterator for TracedIter<I> {}

impl<I: Iterator> Drop for TracedIter<I> {
    fn drop(&mut self) {
        self.passing.scope.drop_inside(|| drop(self.iter.take()));
    }
}

impl<T> fmt::Debug for Passing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passing").field("items", &self.items).finish_non_exhaustive()
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for TracedStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TracedStream").field(&self.stream).finish()
    }
}

impl<I: Iterator + fmt::Debug> fmt::Debug for TracedIter<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TracedIter").field(&self.iter).finish()
    }
}
