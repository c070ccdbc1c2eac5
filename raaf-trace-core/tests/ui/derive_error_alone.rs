use raaf_trace_core::{Component, ErrorType, Traceable, traced};

#[derive(Traceable)]
#[trace(knid = "tool", new)]
struct Tool {
    component: Component,
    size: u8,
}

impl Tool {
    #[traced(with(size = self.size))]
    async fn run(&self) -> u8 {
        self.size
    }
}

#[derive(Traceable)]
struct Bare<T> {
    size: T,
}

impl<T> Bare<T> {
    #[traced]
    fn run(&self) -> &T {
        &self.size
    }
}

#[derive(Debug, ErrorType)]
#[error_type(transparant)]
struct Refused;

impl std::error::Error for Refused {}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}

fn main() {
    let tool = Tool::new(1);
    let _ = (tool.in_span("run", || 1), tool.run(), Bare { size: 1 }.run());
    let _ = Refused.error_type();
}
