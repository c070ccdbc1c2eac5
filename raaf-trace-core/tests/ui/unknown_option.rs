use raaf_trace_core::{Component, Traceable, traced};

#[derive(Traceable)]
struct Tool {
    component: Component,
}

impl Tool {
    #[traced(limit = 3)]
    fn search(&self) {}
}

fn main() {}
