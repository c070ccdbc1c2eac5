use raaf_testkit::assert_no_spans;

fn main() {
    assert_no_spans!(raaf_testkit::Capture::new(), tool * { .. });
}
