//! Response of a traced server.

use std::{
    fmt::Display,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Method, Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;

use super::{
    body::TracedBody,
    flush::{Flush, Flushing},
};
use crate::running::{Running, ServiceError, Side};

pin_project! {
    /// Future of a traced response: the span of the request is current at each poll.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, B: Body> {
        #[pin]
        future: Option<F>,
        running: Option<Running>,
        is_head: bool,
        flush: Option<Flush>,
        held: Option<Held<B>>,
    }

    impl<F, B: Body> PinnedDrop for ResponseFuture<F, B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(running) = this.running {
                // Destructors of a cancelled handler run inside the span.
                running.run(|| this.future.set(None));
            }
        }
    }
}

/// A response without a body, which waits for the flush.
#[derive(Debug)]
struct Held<B: Body> {
    response: Response<TracedBody<B>>,
    flushing: Flushing,
}

impl<F, B: Body> ResponseFuture<F, B> {
    pub(super) fn untraced(future: F) -> Self {
        Self { future: Some(future), running: None, is_head: false, flush: None, held: None }
    }

    pub(super) fn new(future: F, running: Running, method: &Method, flush: Option<Flush>) -> Self {
        let mut traced = Self::untraced(future);
        (traced.running, traced.flush) = (Some(running), flush);
        traced.is_head = method == Method::HEAD;
        traced
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    E: Display + 'static,
{
    type Output = Result<Response<TracedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(held) = this.held {
            ready!(held.flushing.poll(task));
            return match this.held.take() {
                Some(held) => Poll::Ready(Ok(held.response)),
                None => unreachable!("the response was held"),
            };
        }
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            unreachable!("the future is taken out only when the response is held or by drop")
        };
        let Some(running) = this.running else {
            return future.poll(task).map_ok(|response| response.map(TracedBody::untraced));
        };
        let response = match ready!(running.run(|| future.poll(task))) {
            Ok(response) => response,
            Err(error) => {
                running.fail(&ServiceError(&error));
                end(this.running.take());
                return Poll::Ready(Err(error));
            }
        };
        running.respond(Side::Server, response.status(), response.headers());
        let (parts, body) = response.into_parts();
        let is_sent = !*this.is_head && has_body(parts.status) && !body.is_end_stream();
        if is_sent && let Some(running) = this.running.take() {
            let body = TracedBody::new(body, running, &parts.headers, this.flush.take());
            return Poll::Ready(Ok(Response::from_parts(parts, body)));
        }
        end(this.running.take());
        let response = Response::from_parts(parts, TracedBody::untraced(body));
        let Some(flush) = this.flush.take() else { return Poll::Ready(Ok(response)) };
        let held = this.held.insert(Held { response, flushing: flush.start() });
        ready!(held.flushing.poll(task));
        match this.held.take() {
            Some(held) => Poll::Ready(Ok(held.response)),
            None => unreachable!("the response was held"),
        }
    }
}

fn end(running: Option<Running>) {
    if let Some(running) = running {
        running.end();
    }
}

fn has_body(status: StatusCode) -> bool {
    !status.is_informational()
        && status != StatusCode::NO_CONTENT
        && status != StatusCode::NOT_MODIFIED
}
