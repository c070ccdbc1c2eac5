use raaf_testkit::span_tree;

fn main() {
    span_tree! { pipeline "Data" { in_any_ordr { agent "A" } } };
}
