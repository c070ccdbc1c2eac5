use raaf_trace_core::{Component, Traceable};

struct Opaque;

#[derive(Traceable)]
struct Tool {
    component: Component,
    #[trace]
    opaque: Opaque,
}

fn main() {}
