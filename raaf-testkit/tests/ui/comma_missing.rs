use raaf_testkit::span_tree;

fn main() {
    span_tree! { agent "A" ["query" = "tea" "hits" = 3] };
}
