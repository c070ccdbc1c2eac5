use raaf_testkit::{Capture, assert_span_tree};

fn main() {
    assert_span_tree!(Capture::new());
}
