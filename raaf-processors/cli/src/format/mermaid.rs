//! Traces as flowcharts of Mermaid.

use std::fmt::Write as _;

use raaf_trace_model::escape::MermaidLabel;

use super::{status, title};
use crate::{print, trace::Trace};

/// Returns the tree as a flowchart, with a class for each status.
pub(crate) fn mermaid(trace: &Trace) -> String {
    let tree = &trace.tree;
    let mut out = String::from("flowchart TD\n");
    for (_, index) in tree.walk_from(tree.top_indices()) {
        let record = &tree.spans()[index];
        let duration = record.duration().map(print::duration).unwrap_or_default();
        let (title, status) = (MermaidLabel(title(record)), status(record));
        let _ = writeln!(out, "    n{index}[\"{title}<br/>{duration}\"]:::{status}");
        if let Some(parent) = tree.parent_index(index) {
            let _ = writeln!(out, "    n{parent} --> n{index}");
        }
    }
    out.push_str(
        "    classDef error stroke:#c00,stroke-width:2px\n    \
         classDef cancelled stroke:#b80,stroke-dasharray:4\n    \
         classDef paused stroke:#b80,stroke-dasharray:2\n    \
         classDef running stroke:#06c,stroke-dasharray:2\n",
    );
    out
}
