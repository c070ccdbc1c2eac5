use raaf_trace_core::{Component, Traceable as _, trace, tracer};

fn main() {
    let tool = Component::tool("Search");
    let _ = tool.in_span("run", || "x".parse::<i32>());
    let _ = tool.in_span("run", async { "x".parse::<i32>() });
    let _ = tool.traced("run").with("n", 1).in_span(|| "x".parse::<i32>());
    let _ = trace("workflow").in_span(|| "x".parse::<i32>());
    let _ = tracer().tool_span("Search").in_span(|| "x".parse::<i32>());
    let _ = tool.traced("items").iter(["x".parse::<i32>()]);
}
