use raaf_testkit::span_tree;

fn main() {
    span_tree! { in_any_order { agent "A" } x 2 };
}
