use raaf_testkit::assert_span_tree;

fn main() {
    assert_span_tree!(raaf_testkit::Capture::new() { agent "A" });
}
