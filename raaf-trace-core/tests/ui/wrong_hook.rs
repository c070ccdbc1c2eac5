use raaf_trace_core::{Component, Traceable, traced};

#[derive(Traceable)]
struct Tool {
    component: Component,
}

impl Tool {
    #[traced(result = |hits: &String, _| ())]
    fn search(&self) -> u8 {
        1
    }
}

fn main() {}
