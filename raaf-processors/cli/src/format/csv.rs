//! Spans as comma-separated values (RFC 4180).

use raaf_trace_model::{
    keys,
    span::{Record, SpanError},
    time::Timestamp,
};

use super::status;

/// Line with the names of the columns.
pub(crate) const HEAD: &str = "trace_id,span_id,parent_id,kind,component,method,status,started_at,\
                               duration_ms,model,input_tokens,output_tokens,cost,error_type,error_message\r\n";

/// Returns a line.
pub(crate) fn line(record: &Record) -> String {
    let ended = record.ended();
    let attribute = |key| {
        let value = ended.and_then(|span| span.attributes().get(key));
        value.map(|value| value.to_string()).unwrap_or_default()
    };
    let error = ended.and_then(|span| span.error());
    let cells = [
        record.trace_id().hex().to_string(),
        record.span_id().hex().to_string(),
        record.parent_id().map(|parent| parent.hex().to_string()).unwrap_or_default(),
        record.kind().to_string(),
        record.component_name().to_owned(),
        record.method().to_owned(),
        status(record).to_owned(),
        Timestamp::from(record.start_time()).to_string(),
        ended.map(|span| span.duration_ms().to_string()).unwrap_or_default(),
        attribute(keys::GEN_AI_REQUEST_MODEL),
        attribute(keys::GEN_AI_USAGE_INPUT_TOKENS),
        attribute(keys::GEN_AI_USAGE_OUTPUT_TOKENS),
        attribute(keys::GEN_AI_USAGE_COST),
        error.map(|error| error.kind().to_owned()).unwrap_or_default(),
        error.and_then(SpanError::with_causes).unwrap_or_default().into_owned(),
    ];
    format!("{}\r\n", cells.map(|text| cell(&text)).join(","))
}

/// Quotes a cell where that is needed. One that a spreadsheet would take for a formula begins with an
/// apostrophe.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guarded = if formula { format!("'{text}") } else { text.to_owned() };
    if guarded.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        assert_eq!(super::cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(super::cell("=1+1"), "'=1+1");
        assert_eq!(super::cell("plain"), "plain");
    }
}
