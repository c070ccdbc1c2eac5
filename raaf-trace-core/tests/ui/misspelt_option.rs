use raaf_trace_core::{Component, ErrorType, Traceable, traced};

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

#[derive(Debug, ErrorType)]
#[error_type(transparant)]
struct Refused;

#[traced(tool = "indexer", nmae = "x")]
fn index() {}

#[traced(llm = "completion")]
fn complete() {}

fn main() {}
