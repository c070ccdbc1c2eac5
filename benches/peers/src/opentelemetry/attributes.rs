//! Facts as the SDK takes them: typed, and without a copy where they are static.

use opentelemetry::KeyValue;

use raaf_benches::facts::{Facts, answer, keys, question};

#[inline]
pub(super) fn base(facts: &Facts) -> [KeyValue; 2] {
    [KeyValue::new(keys::TYPE, facts.kind().word()), KeyValue::new(keys::NAME, facts.name())]
}

#[inline]
pub(super) fn late(facts: &Facts) -> [KeyValue; 2] {
    [KeyValue::new(keys::NUMBER, facts.number()), KeyValue::new(keys::EXACT, facts.exact())]
}

#[inline]
pub(super) fn four(facts: &Facts) -> [KeyValue; 4] {
    let ([kind, name], [number, exact]) = (base(facts), late(facts));
    [kind, name, number, exact]
}

#[inline]
pub(super) fn strings(facts: &Facts) -> [KeyValue; 4] {
    let [kind, name] = base(facts);
    [
        kind,
        name,
        KeyValue::new(keys::QUESTION, question().to_owned()),
        KeyValue::new(keys::ANSWER, answer().to_owned()),
    ]
}
