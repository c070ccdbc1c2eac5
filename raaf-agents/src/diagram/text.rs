//! Diagrams as trees of text.

use std::{collections::HashSet, fmt::Write as _};

use raaf_trace_core::diagnostics::Escaped;

use super::{Diagram, Link, Part, Relation};

pub(super) fn write(diagram: &Diagram) -> String {
    let mut tree = Tree { diagram, out: String::new(), shown: HashSet::new() };
    tree.part(&diagram.root, "", &Lead::default());
    if diagram.left_out > 0 {
        let _ = writeln!(tree.out, "(left out: {} more)", diagram.left_out);
    }
    tree.out
}

/// Beginning of a line, and of the lines below it.
#[derive(Default)]
struct Lead {
    line: String,
    below: String,
}

impl Lead {
    fn child(&self, is_last: bool) -> Self {
        let (branch, indent) =
            if is_last { ("└── ", "    ") } else { ("├── ", "│   ") };
        Self { line: [&self.below, branch].concat(), below: [&self.below, indent].concat() }
    }
}

struct Tree<'a> {
    diagram: &'a Diagram,
    out: String,
    /// Boxes whose connections have been shown.
    shown: HashSet<usize>,
}

impl<'a> Tree<'a> {
    fn line(&mut self, lead: &Lead, relation: &str, title: &str, notes: &[&str]) {
        let notes = match notes {
            [] => String::new(),
            notes if title.is_empty() => notes.join(", "),
            notes => format!("  ({})", notes.join(", ")),
        };
        let text = [relation, title, &notes].concat();
        let _ = writeln!(self.out, "{}{}", lead.line, Escaped(text));
    }

    fn part(&mut self, part: &'a Part, relation: &str, lead: &Lead) {
        let parts = std::slice::from_ref;
        match part {
            Part::Node(index) => self.node(*index, relation, lead),
            Part::Sequence(inner) if lead.line.is_empty() => {
                for part in inner {
                    self.part(part, "", lead);
                }
            }
            Part::Sequence(inner) => {
                self.line(lead, relation, "in sequence", &[]);
                self.parts(inner, lead);
            }
            Part::Parallel { notes, branches } => {
                let notes: Vec<_> = notes.iter().map(String::as_str).collect();
                self.line(lead, relation, "in parallel", &notes);
                self.parts(branches, lead);
            }
            Part::Condition { reason, inner } => {
                self.line(lead, relation, &format!("if {reason}"), &[]);
                self.parts(parts(inner), lead);
            }
            Part::Group { title, notes, inner } => {
                let notes: Vec<_> = notes.iter().map(String::as_str).collect();
                self.line(lead, relation, title, &notes);
                match &**inner {
                    Part::Sequence(inner) => self.parts(inner, lead),
                    inner => self.parts(parts(inner), lead),
                }
            }
        }
    }

    fn parts(&mut self, parts: &'a [Part], lead: &Lead) {
        for (index, part) in parts.iter().enumerate() {
            self.part(part, "", &lead.child(index + 1 == parts.len()));
        }
    }

    fn node(&mut self, index: usize, relation: &str, lead: &Lead) {
        let node = &self.diagram.nodes[index];
        let mut notes: Vec<_> = node.notes.iter().map(String::as_str).collect();
        let is_new = self.shown.insert(index);
        if !is_new {
            notes = vec!["above"];
        }
        self.line(lead, relation, &node.title(), &notes);
        let links = if is_new { &*node.links } else { &[] };
        for (index, Link { relation, part }) in links.iter().enumerate() {
            let relation = match relation {
                Relation::Calls => String::new(),
                Relation::HandsOff { notes } if notes.is_empty() => "hands off to ".to_owned(),
                Relation::HandsOff { notes } => format!("hands off ({}) to ", notes.join(", ")),
                Relation::InputChecked => "input: ".to_owned(),
                Relation::AnswerChecked => "answer: ".to_owned(),
            };
            self.part(part, &relation, &lead.child(index + 1 == links.len()));
        }
    }
}
