use raaf_trace_core::{Component, Traceable, traced};

#[derive(Traceable)]
struct Reader {
    component: Component,
}

impl Reader {
    #[traced(stream)]
    fn lines(&self) -> &str {
        "a"
    }
}

fn main() {}
