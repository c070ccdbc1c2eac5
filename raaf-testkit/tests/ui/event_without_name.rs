use raaf_testkit::span_tree;

fn main() {
    span_tree! { tool * [event "retry" reason = 3] };
}
