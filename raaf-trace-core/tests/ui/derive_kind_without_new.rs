use raaf_trace_core::{Component, Traceable};

#[derive(Traceable)]
#[trace(kind = "tool")]
struct Search {
    component: Component,
}

fn main() {}
