//! Translates speech and transcription spans.

use std::{borrow::Cow, time::Duration};

use raaf_trace_model::{attributes::ValueRef, keys, span::FinishedSpan};

use super::{
    super::{
        fit::{self, MAX_CONTENT},
        wire::{Audio, Data, Time},
    },
    read::{Read, model_config},
};

/// Default format of the Agents SDK.
const PCM: &str = "pcm";

/// Bytes reserved for the object around the audio data: format and field names.
const AROUND: u32 = 1_000;

pub(super) fn speech(span: &FinishedSpan) -> Data<'_> {
    let read = Read::new(span);
    let waited = read.value(keys::AUDIO_FIRST_CONTENT_MS).and_then(ValueRef::as_f64);
    let waited = waited.and_then(|waited| Duration::try_from_secs_f64(waited / 1e3).ok());
    Data::Speech {
        input: read.shown([keys::INPUT]),
        output: audio(read, keys::OUTPUT),
        model: super::generation::model(span),
        model_config: model_config(read),
        first_content_at: waited.and_then(|waited| span.start_time().checked_add(waited)).map(Time),
    }
}

pub(super) fn transcription(span: &FinishedSpan) -> Data<'_> {
    let read = Read::new(span);
    Data::Transcription {
        input: audio(read, keys::INPUT),
        output: read.shown([keys::OUTPUT]),
        model: super::generation::model(span),
        model_config: model_config(read),
    }
}

fn audio<'a>(read: Read<'a>, key: &str) -> Audio<'a> {
    let data = match read.text(key) {
        Some(text) => fit::text(text, MAX_CONTENT - AROUND),
        None => Cow::Borrowed(""),
    };
    let format = read.text(keys::AUDIO_FORMAT).filter(|format| format.len() < AROUND as usize / 8);
    Audio { data, format: format.unwrap_or(PCM) }
}
