use raaf_testkit::span_tree;

fn main() {
    span_tree! { tool * [duration < 1] };
}
