//! Drawing of a diagram's content.

use std::{fmt, mem};

use raaf_trace_core::Component;

use super::{Diagram, Link, Node, NodeKind, Part, Relation};

/// Maximum number of boxes.
const MAX_NODES: usize = 500;

/// Maximum number of levels. Deeper ones would exhaust the stack.
const MAX_DEPTH: usize = 500;

/// Maximum number of characters of a name or a note.
const MAX_CHARS: usize = 80;

/// [`Diagram`] in the making, to which a tool or a step adds what it runs; see
/// [`Tool::draw`](crate::Tool::draw) and [`Step::draw`](crate::Step::draw).
pub struct Drawing {
    nodes: Vec<Node>,
    left_out: usize,
    /// Number of levels around this one.
    depth: usize,
    /// Agents that have a box, for hand-offs back to them.
    agents: Vec<(Component, usize)>,
    /// Number of hand-offs around this place whose agents are made on demand.
    on_demand: usize,
    /// Parts drawn so far at this level, in sequence.
    parts: Vec<Part>,
    /// Box around this level.
    owner: Option<usize>,
}

impl Drawing {
    pub(crate) fn diagram(draw: impl FnOnce(&mut Self)) -> Diagram {
        let mut drawing = Self {
            nodes: Vec::new(),
            left_out: 0,
            depth: 0,
            agents: Vec::new(),
            on_demand: 0,
            parts: Vec::new(),
            owner: None,
        };
        let root = drawing.inside(None, draw);
        Diagram { nodes: drawing.nodes, root, left_out: drawing.left_out }
    }

    /// Adds a box for a step, with its name.
    pub fn step(&mut self, name: impl AsRef<str>) {
        self.node(NodeKind::Step, name.as_ref());
    }

    /// Adds a note, such as `cached for 5 minutes`, to the part drawn last. If nothing has been drawn yet,
    /// the note is added to the box of the tool that draws itself.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = short(note.into());
        match (self.parts.pop(), self.owner) {
            (Some(part), _) => {
                let part = self.noted(part, note);
                self.parts.push(part);
            }
            (None, Some(owner)) => self.nodes[owner].notes.push(note),
            (None, None) => {}
        }
    }

    /// Adds a box; returns `None` if the diagram is full.
    pub(crate) fn node(&mut self, kind: NodeKind, name: &str) -> Option<usize> {
        let index = self.nodes.len();
        if index == MAX_NODES {
            self.left_out += 1;
            return None;
        }
        let name = short(name.to_owned());
        self.nodes.push(Node { kind, name, notes: Vec::new(), links: Vec::new() });
        self.parts.push(Part::Node(index));
        Some(index)
    }

    /// Adds a part.
    pub(crate) fn push(&mut self, part: Part) {
        self.parts.push(part);
    }

    /// Returns what is drawn by the function.
    pub(crate) fn inside(&mut self, owner: Option<usize>, draw: impl FnOnce(&mut Self)) -> Part {
        if self.depth == MAX_DEPTH {
            self.left_out += 1;
            let inner = Box::new(Part::Sequence(Vec::new()));
            return Part::Group { title: "…".to_owned(), notes: Vec::new(), inner };
        }
        let (outer, owner) = (mem::take(&mut self.parts), mem::replace(&mut self.owner, owner));
        self.depth += 1;
        draw(self);
        self.depth -= 1;
        let mut parts = mem::replace(&mut self.parts, outer);
        self.owner = owner;
        match parts.pop() {
            Some(part) if parts.is_empty() => part,
            last => {
                parts.extend(last);
                Part::Sequence(parts)
            }
        }
    }

    /// Connects a box with what is drawn by the function.
    pub(crate) fn link(&mut self, from: usize, relation: &Relation, draw: impl FnOnce(&mut Self)) {
        let parts = match self.inside(Some(from), draw) {
            Part::Sequence(parts) => parts,
            part => vec![part],
        };
        let links = parts.into_iter().map(|part| Link { relation: relation.clone(), part });
        self.nodes[from].links.extend(links);
    }

    /// Adds a note to a part.
    pub(crate) fn noted(&mut self, mut part: Part, note: impl Into<String>) -> Part {
        let note = short(note.into());
        match &mut part {
            Part::Node(index) => self.nodes[*index].notes.push(note),
            Part::Group { notes, .. } => notes.push(note),
            _ => {
                let (title, notes) = (String::new(), vec![note]);
                return Part::Group { title, notes, inner: Box::new(part) };
            }
        }
        part
    }

    /// Adds a named group of what is drawn by the function.
    pub(crate) fn group(&mut self, title: String, draw: impl FnOnce(&mut Self)) {
        let inner = Box::new(self.inside(None, draw));
        self.parts.push(Part::Group { title: short(title), notes: Vec::new(), inner });
    }

    /// Returns a part that runs under a condition.
    pub(crate) fn conditional(reason: &str, part: Part) -> Part {
        Part::Condition { reason: short(reason.to_owned()), inner: Box::new(part) }
    }

    /// Draws a step. An agent that is also part of another step has another box there.
    pub(crate) fn apart(&mut self, draw: impl FnOnce(&mut Self)) {
        let around = self.agents.len();
        draw(self);
        self.agents.truncate(around);
    }

    /// Draws an agent that is made on demand, and so again and again.
    pub(crate) fn on_demand(&mut self, draw: impl FnOnce(&mut Self)) {
        self.on_demand += 1;
        draw(self);
        self.on_demand -= 1;
    }

    /// Connects with the box of an agent if it has one. An agent that is made on demand is a new
    /// component each time, and known by its name.
    pub(crate) fn known_agent(&mut self, is_it: impl Fn(&Component) -> bool, name: &str) -> bool {
        let on_demand = self.on_demand > 0;
        let is_it =
            |agent: &&(Component, usize)| is_it(&agent.0) || (on_demand && agent.0.name() == name);
        let known = self.agents.iter().find(is_it).map(|(_, node)| *node);
        self.parts.extend(known.map(Part::Node));
        known.is_some()
    }

    /// Adds the box of an agent.
    pub(crate) fn new_agent(&mut self, agent: &Component) -> Option<usize> {
        let node = self.node(NodeKind::Agent, agent.name())?;
        self.agents.push((agent.clone(), node));
        Some(node)
    }
}

impl fmt::Debug for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drawing").field("boxes", &self.nodes.len()).finish_non_exhaustive()
    }
}

fn short(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_CHARS) {
        text.truncate(end);
        text.push('…');
    }
    text
}
