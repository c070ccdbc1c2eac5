use raaf_trace_core::{Component, Traceable};

#[derive(Traceable)]
struct Tool {
    component: Component,
    #[trace(key = "size")]
    size: u32,
}

fn main() {}
