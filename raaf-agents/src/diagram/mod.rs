//! Diagrams of agents and pipelines.

mod dot;
mod drawing;
mod graph;
mod mermaid;
mod text;

use std::fmt;

pub use drawing::Drawing;
use graph::Graph;

/// Diagram of an agent or a pipeline; see [`Agent::diagram`](crate::Agent::diagram) and
/// [`Pipeline::diagram`](crate::Pipeline::diagram).
///
/// `Display` shows it as a tree of text, for a terminal or a log. [`to_mermaid`](Self::to_mermaid) and
/// [`to_dot`](Self::to_dot) return it in the languages of programs that draw. Names and notes may have any
/// content: each form escapes them, and cuts them after 80 characters. A diagram has at most 500 boxes and
/// 500 levels, and shows how many parts it leaves out.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, Approval, FunctionTool, ScriptedModel};
///
/// let model = || ScriptedModel::new("scripted", ["Done."]);
/// let refund = FunctionTool::infallible("refund", "Refunds an order.", |(): ()| async { "done" })
///     .with_approval(Approval::always());
/// let billing = Agent::builder("Billing", model()).tool(refund).build();
/// let support = Agent::builder("Support", model()).handoff(&billing).build();
///
/// let expected = "\
/// Agent: Support  (model scripted)
/// └── hands off to Agent: Billing  (model scripted)
///     └── Tool: refund  (needs approval)
/// ";
/// assert_eq!(support.diagram().to_string(), expected);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagram {
    nodes: Vec<Node>,
    root: Part,
    left_out: usize,
}

/// Box with its connections.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    kind: NodeKind,
    name: String,
    notes: Vec<String>,
    links: Vec<Link>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    Agent,
    Tool,
    Guardrail,
    Step,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    relation: Relation,
    part: Part,
}

/// Relation of a box to something that it is connected with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Calls,
    HandsOff { notes: Vec<String> },
    InputChecked,
    AnswerChecked,
}

/// A part of a flow. Boxes are given by their index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Node(usize),
    Sequence(Vec<Part>),
    Parallel { notes: Vec<String>, branches: Vec<Part> },
    Condition { reason: String, inner: Box<Part> },
    Group { title: String, notes: Vec<String>, inner: Box<Part> },
}

impl Part {
    pub(crate) fn is_node(&self) -> bool {
        matches!(self, Self::Node(_))
    }
}

impl NodeKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "Agent",
            Self::Tool => "Tool",
            Self::Guardrail => "Guardrail",
            Self::Step => "Step",
        }
    }
}

impl Node {
    fn title(&self) -> String {
        format!("{}: {}", self.kind.as_str(), self.name)
    }
}

impl Diagram {
    /// Returns the diagram as a flowchart of Mermaid, which GitHub, editors and wikis show.
    ///
    /// ```
    /// use raaf_agents::{FlowExt as _, State, service};
    ///
    /// let step = |name| service(name, |state: State| async move { Ok(state) });
    /// let pipeline = (step("load") >> step("save").retry(2)).named("Copy").build()?;
    /// let expected = r#"flowchart TD
    ///     subgraph g0["Pipeline: Copy"]
    ///         n0["Step: load"]
    ///         n1["Step: save<br/>up to 2 retries"]
    ///     end
    ///     n0 ==> n1
    /// "#;
    /// assert_eq!(pipeline.diagram().to_mermaid(), expected);
    /// # Ok::<(), raaf_agents::BuildError>(())
    /// ```
    pub fn to_mermaid(&self) -> String {
        mermaid::write(&Graph::of(self))
    }

    /// Returns the diagram in the language DOT of Graphviz, for `dot -Tsvg`.
    ///
    /// ```
    /// use raaf_agents::{Agent, ScriptedModel};
    ///
    /// let agent = Agent::builder("Greeter", ScriptedModel::new("scripted", ["Hello."])).build();
    /// assert!(agent.diagram().to_dot().starts_with("digraph {\n"));
    /// ```
    pub fn to_dot(&self) -> String {
        dot::write(&Graph::of(self))
    }
}

impl fmt::Display for Diagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::write(self))
    }
}
