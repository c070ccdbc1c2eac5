use raaf_trace_core::{Component, traced_block};

fn main() {
    let component = Component::default();
    traced_block!(component, "sum", 1 + 1);
    traced_block!(component, "sum", |a| a);
    traced_block!(component, || 1);
}
