//! Body of a traced response.

use std::{
    fmt::Display,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{HeaderMap, header::CONTENT_LENGTH};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::flush::{Flush, Flushing};
use crate::{
    keys::RESPONSE_BODY_SIZE,
    running::{Running, ServiceError, Side},
};

pin_project! {
    /// Body of a traced response: the span of the request ends with it.
    #[derive(Debug)]
    pub struct TracedBody<B: Body> {
        #[pin]
        body: Option<B>,
        running: Option<Running>,
        sent: u64,
        // Length of the whole body, if known: a server does not poll for an end that it can count.
        length: Option<u64>,
        flush: Option<Flush>,
        last: Option<Last<B>>,
    }

    impl<B: Body> PinnedDrop for TracedBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(running) = this.running {
                // Destructors of a body that is given up run inside the span.
                running.run(|| this.body.set(None));
            }
        }
    }
}

/// The last frame, which waits for the flush.
struct Last<B: Body> {
    frame: Option<Result<Frame<B::Data>, B::Error>>,
    flushing: Flushing,
}

impl<B: Body> TracedBody<B> {
    pub(super) fn untraced(body: B) -> Self {
        Self { body: Some(body), running: None, sent: 0, length: None, flush: None, last: None }
    }

    /// Wraps a body that is not at its end.
    pub(super) fn new(
        body: B,
        running: Running,
        headers: &HeaderMap,
        flush: Option<Flush>,
    ) -> Self {
        let declared =
            headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let length = declared.or_else(|| body.size_hint().exact());
        let mut traced = Self::untraced(body);
        (traced.running, traced.length, traced.flush) = (Some(running), length, flush);
        traced
    }
}

impl<B> Body for TracedBody<B>
where
    B: Body,
    B::Error: Display + 'static,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        if let Some(last) = this.last {
            ready!(last.flushing.poll(task));
            return Poll::Ready(this.last.take().and_then(|last| last.frame));
        }
        let Some(mut body) = this.body.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let Some(running) = this.running else { return body.poll_frame(task) };
        let frame = ready!(running.run(|| body.as_mut().poll_frame(task)));
        let is_last = match &frame {
            None => true,
            Some(Err(error)) => {
                running.fail(&ServiceError(error));
                true
            }
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    running.respond_grpc(Side::Server, trailers);
                }
                *this.sent += frame.data_ref().map_or(0, |data| bytes_of::<B>(data));
                this.length.is_some_and(|length| *this.sent >= length) || body.is_end_stream()
            }
        };
        if is_last && let Some(running) = this.running.take() {
            running.set(RESPONSE_BODY_SIZE, *this.sent);
            running.end();
            if let Some(flush) = this.flush.take() {
                let last = this.last.insert(Last { frame, flushing: flush.start() });
                ready!(last.flushing.poll(task));
                return Poll::Ready(this.last.take().and_then(|last| last.frame));
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.last.is_none() && self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        // The body does not count the frame that waits.
        let body = self.body.as_ref().filter(|_| self.last.is_none());
        body.map_or_else(SizeHint::default, Body::size_hint)
    }
}

fn bytes_of<B: Body>(data: &B::Data) -> u64 {
    u64::try_from(bytes::Buf::remaining(data)).unwrap_or(u64::MAX)
}

impl<B: Body> std::fmt::Debug for Last<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Last").field("flushing", &self.flushing).finish_non_exhaustive()
    }
}
