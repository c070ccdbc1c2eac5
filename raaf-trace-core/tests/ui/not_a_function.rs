use raaf_trace_core::traced;

#[traced]
struct Tool;

fn main() {}
