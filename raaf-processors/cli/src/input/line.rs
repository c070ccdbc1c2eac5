//! Lines as the page receives them.

use raaf_trace_model::{
    prices::PriceTable,
    span::{FinishedSpan, LineError, Record},
};

/// A line of a trace file, and the cost of its model call if only the prices tell it.
#[derive(Debug)]
pub(crate) struct Line {
    text: String,
    cost: Option<f64>,
}

impl Line {
    /// Reads a line; `None` for a type of record that this version does not know.
    ///
    /// # Errors
    ///
    /// If it is no record.
    pub(crate) fn parse(line: &[u8], prices: &PriceTable) -> Result<Option<Self>, LineError> {
        let text = || String::from_utf8_lossy(line).into_owned();
        Ok(Record::parse(line)?.map(|record| {
            let cost = record.into_span().and_then(|span| missing_cost(span, prices));
            Self { text: text(), cost }
        }))
    }

    /// Returns the line of a span; `None` if it cannot be written.
    pub(crate) fn of(span: &FinishedSpan, prices: &PriceTable) -> Option<Self> {
        let text = serde_json::to_string(span).ok()?;
        Some(Self { text, cost: missing_cost(span.clone(), prices) })
    }

    /// Returns the line as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the line for the page: a cost that only the prices tell is its first field.
    pub(crate) fn for_page(self) -> String {
        match self.cost {
            Some(cost) => self.text.replacen('{', &format!("{{\"cost\":{cost},"), 1),
            None => self.text,
        }
    }
}

/// Returns the cost of a model call by these prices, unless the span tells it.
fn missing_cost(mut span: FinishedSpan, prices: &PriceTable) -> Option<f64> {
    if span.cost().usd().is_some() {
        return None;
    }
    span.add_cost(prices);
    span.cost().usd()
}

#[cfg(test)]
mod tests {
    use raaf_trace_model::attributes::Value;

    use super::*;

    fn shown(kind: &'static str, attributes: &[(&'static str, Value)]) -> (String, String) {
        let span = FinishedSpan::builder(kind, "gpt-4o").attributes(|list| {
            for (key, value) in attributes {
                list.set(*key, value.clone());
            }
        });
        let text = serde_json::to_string(&span.build()).unwrap();
        let line = Line::parse(text.as_bytes(), &PriceTable::built_in()).unwrap().unwrap();
        assert_eq!(line.text(), text);
        (text, line.for_page())
    }

    #[test]
    fn a_call_without_a_cost_has_that_of_the_prices() {
        let tokens = [
            ("gen_ai.usage.input_tokens", Value::from(1_000_000)),
            ("gen_ai.usage.output_tokens", Value::from(0)),
        ];
        let (text, page) = shown("llm", &tokens);
        assert_eq!(page, format!("{{\"cost\":2.5,{}", &text[1..]));
        let read = Record::parse(page.as_bytes()).unwrap().unwrap();
        assert_eq!(read.kind().as_str(), "llm", "it is a line still");

        let told = [tokens.as_slice(), &[("gen_ai.usage.cost", Value::from(0.25))]].concat();
        let unknown = [tokens.as_slice(), &[("gen_ai.request.model", "ours".into())]].concat();
        for (kind, attributes) in
            [("llm", &told[..]), ("llm", &unknown), ("agent", &tokens), ("llm", &[])]
        {
            let (text, page) = shown(kind, attributes);
            assert_eq!(page, text);
        }
    }
}
