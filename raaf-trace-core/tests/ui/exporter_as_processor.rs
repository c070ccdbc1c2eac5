use raaf_trace_core::{MemoryExporter, sink::Offload};

fn main() {
    let _ = Offload::new(MemoryExporter::new());
}
