use raaf_trace_core::{Component, Traceable, traced};

#[derive(Traceable)]
#[trace(new, knid = "tool")]
struct Tool {
    component: Component,
}

#[derive(Traceable)]
struct Reader {
    #[trace(componnet)]
    component: Component,
}

#[traced(tool = "indexer", nmae = "x")]
fn index() {}

#[traced(llm = "completion")]
fn complete() {}

fn main() {}
