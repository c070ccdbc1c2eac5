use raaf_trace_core::Traceable;

#[derive(Traceable)]
struct Tool {
    size: u32,
}

#[derive(Traceable)]
enum Kind {
    One,
}

fn main() {}
