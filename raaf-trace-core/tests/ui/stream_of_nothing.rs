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

    #[traced(stream)]
    fn named(&self) -> std::vec::IntoIter<u8> {
        vec![1].into_iter()
    }
}

fn main() {}
