use raaf_trace_core::traced;

#[traced(tool = "indexer", kind = "processor")]
fn index() {}

fn main() {}
