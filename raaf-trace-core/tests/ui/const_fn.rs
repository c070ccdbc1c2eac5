use raaf_trace_core::{Component, Traceable, traced};

#[derive(Traceable)]
struct Tool {
    component: Component,
}

impl Tool {
    #[traced]
    const fn search(&self) -> u8 {
        1
    }
}

fn main() {}
