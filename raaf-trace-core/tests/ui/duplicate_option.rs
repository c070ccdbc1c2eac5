use raaf_trace_core::{Component, Traceable, traced};

#[derive(Traceable)]
struct Tool {
    component: Component,
}

impl Tool {
    #[traced("a", name = "b")]
    fn search(&self) {}
}

fn main() {}
