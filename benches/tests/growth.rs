//! Rows measure what they claim to.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::process::Command;

use raaf_benches::measure::Sample;

#[test]
fn every_row_that_grows_delivers_all_at_its_smallest() {
    for row in ["components", "live traces", "active spans", "depth", "attributes", "threads"] {
        let program = env!("CARGO_BIN_EXE_raaf-benches");
        let output = Command::new(program).args(["child", row, "0"]).output().unwrap();
        let sample: Option<Sample> = serde_json::from_slice(&output.stdout).unwrap();
        let Sample { started, delivered, .. } = sample.unwrap();
        assert!(started > 0, "{row}");
        assert_eq!(delivered, started, "{row}");
    }
}
