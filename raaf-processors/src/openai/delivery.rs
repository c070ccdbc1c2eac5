//! Delivery of one batch, in one or several requests, with retries of single requests.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Instant,
};

use raaf_trace_model::{id::SpanId, sink::ExportError, span::FinishedSpan};

use super::{
    builder::Keys,
    endpoint::Endpoint,
    sent::Sent,
    translate,
    wire::{Body, Item},
};
use crate::http::{Refusal, Secret};

/// Pending part of a batch.
#[derive(Debug)]
pub(super) struct Delivery {
    batch: Fingerprint,
    waiting: VecDeque<Parcel>,
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
struct Parcel {
    key: Option<Secret>,
    spans: Vec<usize>,
}

/// Spans that the server refused.
#[derive(Debug)]
struct Refused {
    spans: usize,
    why: String,
}

/// Progress of a batch.
pub(super) enum Outcome {
    /// Everything is delivered.
    Done,
    /// Some requests can be retried.
    Unfinished(ExportError),
    /// Nothing can be retried, and some spans were refused.
    Refused(ExportError),
}

impl Delivery {
    /// Plans a batch of which nothing was sent: one request per key, in the order of their first
    /// spans.
    pub(super) fn new(batch: &[FinishedSpan], keys: &Keys) -> Self {
        let mut waiting: VecDeque<Parcel> = VecDeque::new();
        let mut parcels = HashMap::new();
        for (place, span) in batch.iter().enumerate() {
            let parcel = *parcels.entry(span.trace_id()).or_insert_with(|| {
                let key = keys.of(span.trace());
                waiting.iter().position(|parcel| parcel.key == key).unwrap_or_else(|| {
                    waiting.push_back(Parcel { key, spans: Vec::new() });
                    waiting.len() - 1
                })
            });
            waiting[parcel].spans.push(place);
        }
        Self { batch: Fingerprint::of(batch), waiting, refused: None }
    }

    pub(super) fn is_of(&self, batch: &[FinishedSpan]) -> bool {
        self.batch == Fingerprint::of(batch)
    }

    /// Returns true if some spans cannot be sent because no key is available.
    pub(super) fn lacks_a_key(&self) -> bool {
        self.waiting.iter().any(|parcel| parcel.key.is_none())
    }

    /// Sends pending requests. A rejected key does not delay the requests of other keys.
    pub(super) fn go_on(
        &mut self,
        batch: &[FinishedSpan],
        endpoint: &Endpoint,
        sent: &mut Sent,
    ) -> Outcome {
        let begun = Instant::now();
        let mut later = VecDeque::new();
        let mut passing: Option<ExportError> = None;
        while let Some(parcel) = self.waiting.pop_front() {
            // With a slow server, one call must not take the time of all of its requests together.
            if begun.elapsed() > endpoint.timeout() {
                let slow = || ExportError::retryable("the server is slow; the rest is sent later");
                passing.get_or_insert_with(slow);
                later.push_back(parcel);
                continue;
            }
            let Err(refusal) = parcel.send(batch, endpoint, sent) else { continue };
            if refusal.is_too_large() && parcel.spans.len() > 1 {
                let [first, second] = parcel.halves();
                self.waiting.push_front(second);
                self.waiting.push_front(first);
            } else if refusal.error().is_retryable() {
                let error = refusal.into_error();
                let is_longer = |held: &ExportError| held.retry_after() < error.retry_after();
                if passing.as_ref().is_none_or(is_longer) {
                    passing = Some(error);
                }
                later.push_back(parcel);
            } else {
                self.refuse(parcel.spans.len(), &refusal.into_error());
            }
        }
        self.waiting = later;
        match (passing, self.refusal()) {
            (Some(error), _) => Outcome::Unfinished(error),
            (None, Some(error)) => Outcome::Refused(error),
            (None, None) => Outcome::Done,
        }
    }

    fn refuse(&mut self, spans: usize, error: &ExportError) {
        let refused =
            self.refused.get_or_insert_with(|| Refused { spans: 0, why: error.to_string() });
        refused.spans += spans;
    }

    fn refusal(&self) -> Option<ExportError> {
        let Refused { spans, why } = self.refused.as_ref()?;
        let all = self.batch.spans;
        let why = if *spans == all {
            why.clone()
        } else {
            format!("{spans} of {all} spans were rejected: {why}")
        };
        Some(ExportError::partial(*spans, why))
    }
}

impl Parcel {
    fn send(
        &self,
        batch: &[FinishedSpan],
        endpoint: &Endpoint,
        sent: &mut Sent,
    ) -> Result<(), Refusal> {
        let Some(key) = &self.key else { return Err(Refusal::permanent("no API key is set")) };
        let mut data = Vec::with_capacity(self.spans.len() + 1);
        let mut traces = HashSet::new();
        for span in self.spans.iter().filter_map(|place| batch.get(*place)) {
            let id = span.trace_id();
            let is_ours = !translate::is_continued(span) && !sent.contains(id);
            if is_ours && traces.insert(id) {
                data.push(Item::Trace(translate::trace(span)));
            }
            data.extend(translate::span(span).map(Box::new).map(Item::Span));
        }
        if data.is_empty() {
            return Ok(());
        }
        let body = serde_json::to_vec(&Body { data }).map_err(|error| {
            Refusal::permanent(format!("a span cannot be encoded as JSON: {error}"))
        })?;
        endpoint.send(&body, key)?;
        sent.add(traces);
        Ok(())
    }

    fn halves(mut self) -> [Self; 2] {
        let second = self.spans.split_off(self.spans.len() / 2);
        let key = self.key.clone();
        [self, Self { key, spans: second }]
    }
}
