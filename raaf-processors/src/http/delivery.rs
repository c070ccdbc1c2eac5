//! Delivery of batches, in one or several requests, with retries of single requests.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use raaf_trace_model::{id::SpanId, sink::ExportError, span::FinishedSpan};

use super::{Refusal, refusal::shown};

/// Largest number of batches whose pending parts are known. The oldest one was given up, most likely.
const UNFINISHED: usize = 256;

/// Delivery of batches whose spans go to places `P`, such as accounts of the server.
#[derive(Debug)]
pub(crate) struct Deliveries<P> {
    /// Batches that are to be retried, with their pending parts. A flush brings others in between.
    unfinished: Mutex<VecDeque<Delivery<P>>>,
}

impl<P> Default for Deliveries<P> {
    fn default() -> Self {
        Self { unfinished: Mutex::default() }
    }
}

impl<P: PartialEq + Clone> Deliveries<P> {
    /// Delivers a batch, or what is left of it: one request per place, in the order of their first
    /// spans. A request that is too large is halved. Those for which there is no time within
    /// `limit` wait for the next call.
    ///
    /// # Errors
    ///
    /// If a request failed. The error is retryable if one of them can be retried.
    pub(crate) fn deliver(
        &self,
        batch: &[FinishedSpan],
        limit: Duration,
        place: impl FnMut(&FinishedSpan) -> P,
        send: impl FnMut(&P, &[&FinishedSpan]) -> Result<(), Refusal>,
    ) -> Result<(), ExportError> {
        let mut unfinished = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        let this = Fingerprint::of(batch);
        let known = unfinished.iter().position(|delivery| delivery.batch == this);
        let mut delivery = known
            .and_then(|index| unfinished.remove(index))
            .unwrap_or_else(|| Delivery::new(batch, place));
        if let Some(passing) = delivery.go_on(batch, limit, send) {
            let passing = passing.undelivered(delivery.undelivered());
            if unfinished.len() == UNFINISHED {
                unfinished.pop_front();
            }
            unfinished.push_back(delivery);
            return Err(passing);
        }
        delivery.refusal().map_or(Ok(()), Err)
    }
}

/// Pending part of a batch.
#[derive(Debug)]
struct Delivery<P> {
    batch: Fingerprint,
    waiting: VecDeque<Parcel<P>>,
    refused: Option<Refused>,
}

/// Identity of a batch. A retried batch is offered whole and in the same order.
#[derive(Debug, PartialEq, Eq)]
struct Fingerprint {
    spans: usize,
    first: Option<SpanId>,
    last: Option<SpanId>,
}

impl Fingerprint {
    fn of(batch: &[FinishedSpan]) -> Self {
        let id = |span: Option<&FinishedSpan>| span.map(FinishedSpan::span_id);
        Self { spans: batch.len(), first: id(batch.first()), last: id(batch.last()) }
    }
}

/// Contents of one request: positions of spans in the batch.
#[derive(Debug)]
struct Parcel<P> {
    place: P,
    spans: Vec<usize>,
}

/// Spans that the server refused.
#[derive(Debug)]
struct Refused {
    spans: usize,
    why: String,
    /// Number of spans that `why` speaks of.
    of: usize,
}

impl<P: PartialEq + Clone> Delivery<P> {
    fn new(batch: &[FinishedSpan], mut place: impl FnMut(&FinishedSpan) -> P) -> Self {
        let mut waiting: VecDeque<Parcel<P>> = VecDeque::new();
        for (position, span) in batch.iter().enumerate() {
            let place = place(span);
            match waiting.iter_mut().find(|parcel| parcel.place == place) {
                Some(parcel) => parcel.spans.push(position),
                None => waiting.push_back(Parcel { place, spans: vec![position] }),
            }
        }
        Self { batch: Fingerprint::of(batch), waiting, refused: None }
    }

    /// Sends pending requests, and returns the error of those that can be retried. A rejected
    /// request does not delay the others.
    fn go_on(
        &mut self,
        batch: &[FinishedSpan],
        limit: Duration,
        mut send: impl FnMut(&P, &[&FinishedSpan]) -> Result<(), Refusal>,
    ) -> Option<ExportError> {
        let begun = Instant::now();
        let mut later = VecDeque::new();
        let mut passing: Option<ExportError> = None;
        while let Some(parcel) = self.waiting.pop_front() {
            // With a slow server, one call must not take the time of all of its requests together.
            if begun.elapsed() > limit {
                let slow = || ExportError::retryable("the server is slow; the rest is sent later");
                passing.get_or_insert_with(slow);
                later.push_back(parcel);
                continue;
            }
            let spans: Vec<_> = parcel.spans.iter().filter_map(|place| batch.get(*place)).collect();
            let Err(refusal) = send(&parcel.place, &spans) else { continue };
            if refusal.is_too_large() && spans.len() > 1 {
                let [first, second] = parcel.halves();
                self.waiting.push_front(second);
                self.waiting.push_front(first);
                continue;
            }
            let is_too_large = refusal.is_too_large();
            let error = refusal.into_error();
            if error.is_retryable() {
                let is_longer = |held: &ExportError| held.retry_after() < error.retry_after();
                if passing.as_ref().is_none_or(is_longer) {
                    passing = Some(error);
                }
                later.push_back(parcel);
                continue;
            }
            let why = match spans[..] {
                [span] if is_too_large => {
                    format!("span `{}` is too large by itself: {error}", shown(&span.name()))
                }
                _ => error.to_string(),
            };
            let new = || Refused { spans: 0, why, of: spans.len() };
            self.refused.get_or_insert_with(new).spans += error.rejected_of(spans.len());
        }
        self.waiting = later;
        passing
    }

    /// Returns how many spans the server has not accepted.
    fn undelivered(&self) -> usize {
        let waiting: usize = self.waiting.iter().map(|parcel| parcel.spans.len()).sum();
        waiting + self.refused.as_ref().map_or(0, |refused| refused.spans)
    }

    fn refusal(&self) -> Option<ExportError> {
        let Refused { spans, why, of } = self.refused.as_ref()?;
        let all = self.batch.spans;
        let why = if *spans == all || *of == all {
            why.clone()
        } else {
            format!("{spans} of {all} spans were rejected: {why}")
        };
        Some(ExportError::partial(*spans, why))
    }
}

impl<P: Clone> Parcel<P> {
    fn halves(mut self) -> [Self; 2] {
        let spans = self.spans.split_off(self.spans.len() / 2);
        let second = Self { place: self.place.clone(), spans };
        [self, second]
    }
}
