//! A provider for each setup.

use std::io;

use raaf_processors::FileSink;
use raaf_trace_core::{
    Sampler, TracerProvider,
    provider::set_global_provider,
    sink::{BatchConfig, BatchProcessor},
};
use tempfile::NamedTempFile;

use super::deliver::Deliver;
use crate::tool::{Off, Setup};

/// Makes the provider and puts it where traced calls find it, with the file that its sink writes
/// to, which is removed when this is dropped.
pub(super) fn install(setup: &Setup) -> io::Result<(TracerProvider, Option<NamedTempFile>)> {
    let mut file = None;
    let mut builder = TracerProvider::builder();
    if setup.off == Some(Off::Unsampled) {
        builder = builder.sampler(Sampler::ratio(0.0));
    }
    let builder = if setup.own_file {
        builder.with(FileSink::new(file.insert(NamedTempFile::new()?).path()))
    } else {
        let config = match setup.room {
            Some(spans) => BatchConfig::default().with_max_spans(spans),
            None => BatchConfig::default(),
        };
        builder.with(BatchProcessor::with_config(Deliver::new(setup), config))
    };
    let provider = builder.build();
    if setup.off == Some(Off::Switch) {
        provider.disable();
    }
    set_global_provider(provider.clone());
    Ok((provider, file))
}
