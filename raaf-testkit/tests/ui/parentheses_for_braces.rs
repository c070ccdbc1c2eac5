use raaf_testkit::span_tree;

fn main() {
    span_tree! { agent "A" (llm *) };
}
