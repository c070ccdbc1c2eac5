//! Diagrams as boxes, groups and arrows.

use super::{Diagram, Link, NodeKind, Part, Relation};

/// Graph for programs that draw.
pub(super) struct Graph {
    pub(super) items: Vec<Item>,
    pub(super) arrows: Vec<Arrow>,
}

pub(super) enum Item {
    Box { id: usize, shape: Shape, lines: Vec<String> },
    Group { id: usize, title: String, items: Vec<Item> },
}

#[derive(Clone, Copy)]
pub(super) enum Shape {
    Agent,
    Tool,
    Guardrail,
    Step,
    Condition,
    Merge,
}

pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) label: String,
    pub(super) style: Style,
}

#[derive(Clone, Copy)]
pub(super) enum Style {
    /// From a step to the next one.
    Flow,
    /// To a tool, or what it runs.
    Use,
    /// To an agent that takes over, or to and from a guardrail.
    Dashed,
}

/// Boxes at which a part begins and ends, with the labels of arrows that leave it.
#[derive(Default)]
struct Ends {
    entries: Vec<usize>,
    exits: Vec<(usize, &'static str)>,
}

impl Graph {
    pub(super) fn of(diagram: &Diagram) -> Self {
        let mut drawn = Layout {
            diagram,
            is_drawn: vec![false; diagram.nodes.len()],
            boxes: diagram.nodes.len(),
            groups: 0,
            arrows: Vec::new(),
        };
        let mut items = Vec::new();
        drawn.part(&diagram.root, &mut items);
        if diagram.left_out > 0 {
            let lines = vec![format!("left out: {} more", diagram.left_out)];
            items.push(Item::Box { id: drawn.boxes, shape: Shape::Step, lines });
        }
        Self { items, arrows: drawn.arrows }
    }
}

struct Layout<'a> {
    diagram: &'a Diagram,
    is_drawn: Vec<bool>,
    boxes: usize,
    groups: usize,
    arrows: Vec<Arrow>,
}

impl Layout<'_> {
    fn part(&mut self, part: &Part, items: &mut Vec<Item>) -> Ends {
        match part {
            Part::Node(index) => self.node(*index, items),
            Part::Sequence(parts) => self.sequence(parts, items),
            Part::Parallel { notes, branches } => self.parallel(notes, branches, items),
            Part::Condition { reason, inner } => {
                let condition = self.extra(Shape::Condition, vec![reason.clone()], items);
                let mut ends = self.part(inner, items);
                self.flow(&[(condition, "yes")], &ends.entries);
                ends.exits.push((condition, "no"));
                Ends { entries: vec![condition], ..ends }
            }
            Part::Group { title, notes, inner } => {
                let id = self.groups;
                self.groups += 1;
                let mut inside = Vec::new();
                let ends = self.part(inner, &mut inside);
                let titles = [title].into_iter().filter(|title| !title.is_empty()).chain(notes);
                let title = titles.map(String::as_str).collect::<Vec<_>>().join(", ");
                items.push(Item::Group { id, title, items: inside });
                ends
            }
        }
    }

    fn node(&mut self, index: usize, items: &mut Vec<Item>) -> Ends {
        let ends = Ends { entries: vec![index], exits: vec![(index, "")] };
        if std::mem::replace(&mut self.is_drawn[index], true) {
            return ends;
        }
        let node = &self.diagram.nodes[index];
        let shape = match node.kind {
            NodeKind::Agent => Shape::Agent,
            NodeKind::Tool => Shape::Tool,
            NodeKind::Guardrail => Shape::Guardrail,
            NodeKind::Step => Shape::Step,
        };
        let lines = [node.title()].into_iter().chain(node.notes.iter().cloned()).collect();
        items.push(Item::Box { id: index, shape, lines });
        for Link { relation, part } in &node.links {
            for other in self.part(part, items).entries {
                let (from, to, style, label) = match relation {
                    Relation::Calls => (index, other, Style::Use, String::new()),
                    Relation::HandsOff { notes } => {
                        let words = ["hands off"].into_iter().chain(notes.iter().map(|n| &**n));
                        let label = words.collect::<Vec<_>>().join(", ");
                        (index, other, Style::Dashed, label)
                    }
                    Relation::InputChecked => {
                        (other, index, Style::Dashed, "checks the input".to_owned())
                    }
                    Relation::AnswerChecked => {
                        (index, other, Style::Dashed, "answer is checked".to_owned())
                    }
                };
                self.arrows.push(Arrow { from, to, label, style });
            }
        }
        ends
    }

    fn sequence(&mut self, parts: &[Part], items: &mut Vec<Item>) -> Ends {
        let mut all = Ends::default();
        for part in parts {
            let ends = self.part(part, items);
            if ends.entries.is_empty() {
                continue;
            }
            if all.entries.is_empty() {
                all.entries = ends.entries;
            } else {
                self.flow(&all.exits, &ends.entries);
            }
            all.exits = ends.exits;
        }
        all
    }

    /// Branches end at a box of their own, which shows the merge strategy.
    fn parallel(&mut self, notes: &[String], branches: &[Part], items: &mut Vec<Item>) -> Ends {
        let mut all = Ends::default();
        for branch in branches {
            let ends = self.part(branch, items);
            all.entries.extend(ends.entries);
            all.exits.extend(ends.exits);
        }
        if all.entries.is_empty() {
            return all;
        }
        let merge = self.extra(Shape::Merge, notes.to_vec(), items);
        self.flow(&all.exits, &[merge]);
        Ends { exits: vec![(merge, "")], ..all }
    }

    fn extra(&mut self, shape: Shape, lines: Vec<String>, items: &mut Vec<Item>) -> usize {
        let id = self.boxes;
        self.boxes += 1;
        items.push(Item::Box { id, shape, lines });
        id
    }

    fn flow(&mut self, exits: &[(usize, &'static str)], entries: &[usize]) {
        for (from, label) in exits {
            self.arrows.extend(entries.iter().map(|to| Arrow {
                from: *from,
                to: *to,
                label: (*label).to_owned(),
                style: Style::Flow,
            }));
        }
    }
}
