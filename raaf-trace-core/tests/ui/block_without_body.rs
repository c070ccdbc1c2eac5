use raaf_trace_core::{Component, traced_block};

fn main() {
    let component = Component::new("Tool");
    traced_block!(component, "sum", 1 + 1);
    traced_block!(component, "sum", |a| a);
}
