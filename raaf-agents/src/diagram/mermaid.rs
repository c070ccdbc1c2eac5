//! Diagrams as flowcharts of Mermaid.

use std::fmt::Write as _;

use raaf_trace_core::escape::MermaidLabel;

use super::graph::{Arrow, Graph, Item, Shape, Style};

pub(super) fn write(graph: &Graph) -> String {
    let mut out = "flowchart TD\n".to_owned();
    items(&graph.items, "    ", &mut out);
    for Arrow { from, to, label, style } in &graph.arrows {
        let line = match style {
            Style::Flow => "==>",
            Style::Use => "-->",
            Style::Dashed => "-.->",
        };
        let _ = match &**label {
            "" => writeln!(out, "    n{from} {line} n{to}"),
            label => writeln!(out, "    n{from} {line}|\"{}\"| n{to}", MermaidLabel(label)),
        };
    }
    out
}

fn items(all: &[Item], indent: &str, out: &mut String) {
    for item in all {
        match item {
            Item::Box { id, shape, lines } => {
                let lines: Vec<_> =
                    lines.iter().map(|line| MermaidLabel(line).to_string()).collect();
                let (open, close) = match shape {
                    Shape::Agent => ("([", "])"),
                    Shape::Tool => ("[[", "]]"),
                    Shape::Guardrail => ("{{", "}}"),
                    Shape::Step => ("[", "]"),
                    Shape::Condition => ("{", "}"),
                    Shape::Merge => ("((", "))"),
                };
                let _ = writeln!(out, "{indent}n{id}{open}\"{}\"{close}", lines.join("<br/>"));
            }
            Item::Group { id, title, items: inside } => {
                let _ = writeln!(out, "{indent}subgraph g{id}[\"{}\"]", MermaidLabel(title));
                items(inside, &[indent, "    "].concat(), out);
                let _ = writeln!(out, "{indent}end");
            }
        }
    }
}
