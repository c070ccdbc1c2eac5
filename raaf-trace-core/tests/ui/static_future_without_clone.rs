use raaf_trace_core::{Component, Traceable, traced};

#[derive(Traceable)]
struct Tool {
    component: Component,
}

impl Tool {
    #[traced]
    fn search(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async {})
    }
}

fn main() {}
