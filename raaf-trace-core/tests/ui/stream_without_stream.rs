#![deny(deprecated)]

use raaf_trace_core::{Component, Traceable, traced};

#[derive(Traceable)]
struct Reader {
    component: Component,
}

impl Reader {
    #[traced]
    fn lines(&self) -> impl Iterator<Item = u8> {
        0..3
    }

    #[traced(stream)]
    fn traced_to_the_end(&self) -> impl Iterator<Item = u8> {
        0..3
    }

    #[traced(stream = false)]
    fn meant(&self) -> Box<dyn Iterator<Item = u8>> {
        Box::new(0..3)
    }
}

fn main() {
    let reader = Reader { component: Component::tool("Reader") };
    let _ = (reader.lines(), reader.traced_to_the_end(), reader.meant());
}
