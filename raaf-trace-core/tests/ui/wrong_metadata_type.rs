use raaf_trace_core::{Component, Traceable, traced};

#[derive(Traceable)]
struct Tool {
    component: Component,
}

impl Tool {
    #[traced(with(thread = std::thread::current()))]
    fn search(&self) {}
}

fn main() {}
