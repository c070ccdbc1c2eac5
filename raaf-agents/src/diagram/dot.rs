//! Diagrams in the language DOT.

use std::fmt::Write as _;

use raaf_trace_core::diagnostics::Escaped;

use super::graph::{Arrow, Graph, Item, Shape, Style};

pub(super) fn write(graph: &Graph) -> String {
    let mut out =
        "digraph {\n    node [fontname=\"sans-serif\"];\n    edge [fontname=\"sans-serif\"];\n"
            .to_owned();
    items(&graph.items, "    ", &mut out);
    for Arrow { from, to, label, style } in &graph.arrows {
        let style = match style {
            Style::Flow => "bold",
            Style::Use => "solid",
            Style::Dashed => "dashed",
        };
        let label = quoted(label);
        let _ = writeln!(out, "    n{from} -> n{to} [style={style}, label=\"{label}\"];");
    }
    out.push_str("}\n");
    out
}

fn items(all: &[Item], indent: &str, out: &mut String) {
    for item in all {
        match item {
            Item::Box { id, shape, lines } => {
                let lines: Vec<_> = lines.iter().map(|line| quoted(line)).collect();
                let (shape, label) = (of(*shape), lines.join("\\n"));
                let _ = writeln!(out, "{indent}n{id} [{shape}, label=\"{label}\"];");
            }
            Item::Group { id, title, items: inside } => {
                let _ = writeln!(out, "{indent}subgraph cluster_{id} {{");
                let _ = writeln!(out, "{indent}    label=\"{}\";", quoted(title));
                items(inside, &[indent, "    "].concat(), out);
                let _ = writeln!(out, "{indent}}}");
            }
        }
    }
}

fn of(shape: Shape) -> &'static str {
    match shape {
        Shape::Agent => "shape=box, style=rounded",
        Shape::Tool => "shape=component",
        Shape::Guardrail => "shape=hexagon",
        Shape::Step => "shape=box",
        Shape::Condition => "shape=diamond",
        Shape::Merge => "shape=ellipse",
    }
}

/// Returns text for a quoted string. Graphviz reads escapes of its own and entities of HTML in labels.
fn quoted(text: &str) -> String {
    Escaped(text).to_string().replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;")
}
