//! The middle of several rounds.

use crate::measure::Sample;

/// Each figure's median, and the counts of all rounds together; `None` if there is no sample.
pub(super) fn median(samples: &[Sample]) -> Option<Sample> {
    let of = |figure: fn(&Sample) -> Option<f64>| middle(samples.iter().filter_map(figure));
    (!samples.is_empty()).then(|| Sample {
        producer_ns: of(|sample| sample.producer_ns),
        delivery_ns: of(|sample| sample.delivery_ns),
        per_second: of(|sample| sample.per_second),
        share_of_run: of(|sample| sample.share_of_run),
        spans_a_turn: of(|sample| sample.spans_a_turn),
        started: samples.iter().map(|sample| sample.started).sum(),
        delivered: samples.iter().map(|sample| sample.delivered).sum(),
        given_up: samples.iter().map(|sample| sample.given_up).sum(),
        peak_mib: of(|sample| sample.peak_mib),
    })
}

/// The upper of the two in the middle, if there are two.
pub(super) fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_medians_and_counts_add_up() {
        let sample = |producer_ns, started| Sample {
            producer_ns: Some(producer_ns),
            started,
            ..Sample::default()
        };
        let median = median(&[sample(3.0, 1), sample(1.0, 2), sample(2.0, 3)]).unwrap();
        assert_eq!((median.producer_ns, median.started), (Some(2.0), 6));
        assert_eq!(median.delivery_ns, None);
        assert_eq!(super::median(&[]), None);
    }
}
