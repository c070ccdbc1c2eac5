//! Changes to spans between their end and the sinks.

use raaf_trace_model::{Redactor, prices::PriceTable, span::FinishedSpan};

/// Adds the costs of model calls, and redacts secrets. Applying it twice is the same as once.
#[derive(Clone, Debug)]
pub(crate) struct Finishing {
    pub(crate) redactor: Redactor,
    pub(crate) prices: PriceTable,
}

impl Finishing {
    pub(crate) fn apply(&self, span: &mut FinishedSpan) {
        span.add_cost(&self.prices);
        span.redact(&self.redactor);
    }
}
