//! A sink in a crate of its own: one row of comma-separated values for each span.
//!
//! A program that depends on this crate and refers to it (`use raaf_example_csv_sink as _;`) can
//! name `csv` in `RAAF_TRACE_PROCESSORS`. The sink writes to the file that `CSV_SINK_FILE` names,
//! or else to standard output.
//!
//! A sink needs an implementation of [`SpanExporter`] and one `submit!`. Batches, a worker, bounds,
//! retries and deadlines come from the core.

use std::{
    fs::File,
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

use raaf_trace_core::{
    FinishedSpan, SpanExporter,
    registry::{Sink, SinkRegistration},
    sink::ExportError,
};

raaf_trace_core::submit! {
    SinkRegistration::new("csv", |config| {
        let exporter = match config.environment().get("CSV_SINK_FILE")? {
            None => CsvExporter::new(io::stdout()),
            Some(path) => match File::create(&path) {
                Ok(file) => CsvExporter::new(file),
                Err(error) => return Err(format!("CSV_SINK_FILE is `{path}`: {error}").into()),
            },
        };
        Ok(Sink::exporter(exporter))
    })
}

/// Writes a row a span.
pub struct CsvExporter {
    to: Mutex<Box<dyn Write + Send>>,
}

impl CsvExporter {
    /// Writes to `to`, a batch at a time.
    pub fn new(to: impl Write + Send + 'static) -> Self {
        Self { to: Mutex::new(Box::new(to)) }
    }
}

impl std::fmt::Debug for CsvExporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CsvExporter").finish_non_exhaustive()
    }
}

impl SpanExporter for CsvExporter {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        let rows = rows(batch).map_err(|error| ExportError::permanent(error.to_string()))?;
        // All or nothing: a batch that can be tried again must not be there already.
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        let written = to.write_all(&rows).and_then(|()| to.flush());
        written.map_err(|error| ExportError::permanent(error.to_string()))
    }
}

fn rows(batch: &[FinishedSpan]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for span in batch {
        writer.write_record([
            span.kind().as_str(),
            span.component_name(),
            span.method(),
            span.status().as_str(),
        ])?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
    use raaf_testkit::conformance::check_exporter;

    use super::*;

    #[test]
    fn it_keeps_the_contract_of_exporters() {
        check_exporter(|| CsvExporter::new(io::sink()));
    }

    #[test]
    fn names_with_commas_and_line_feeds_stay_one_field() -> Result<(), csv::Error> {
        let span = FinishedSpan::builder("tool", "Search, \"all\"\nof it").build();
        let rows = rows(&[span])?;
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(rows.as_slice());
        let read: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>()?;
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].get(1), Some("Search, \"all\"\nof it"));
        Ok(())
    }
}
