use raaf_trace_core::{Component, Traceable as _};

fn main() {
    Component::tool("Search").in_span("run", |n: u8| n);
}
