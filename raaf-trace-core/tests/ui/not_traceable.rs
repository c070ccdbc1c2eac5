use raaf_trace_core::traced;

struct Tool;

impl Tool {
    #[traced]
    fn search(&self) {}
}

fn main() {}
