use raaf_testkit::span_tree;

fn main() {
    span_tree! { pipeline "Data" { agent "A" } [status = ok] };
}
