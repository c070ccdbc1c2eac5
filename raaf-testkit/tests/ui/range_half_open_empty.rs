use raaf_testkit::span_tree;

fn main() {
    span_tree! { tool * x 2..2 };
}
