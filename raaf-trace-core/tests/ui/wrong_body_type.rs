use raaf_trace_core::{Component, Traceable, traced};

#[derive(Traceable)]
struct Tool {
    component: Component,
}

impl Tool {
    #[traced]
    fn number(&self) -> u8 {
        "text"
    }
    
    #[traced]
    async fn number_later(&self) -> u8 {
        "text"
    }
}

fn main() {}
