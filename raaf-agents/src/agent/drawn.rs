//! Diagrams of agents.

use raaf_trace_core::Traceable as _;

use super::Agent;
use crate::{
    diagram::{Diagram, Drawing, NodeKind, Relation},
    guardrail::Guardrail,
    tool::Tool,
};

impl Agent {
    /// Returns a diagram of the agent: its tools, guardrails and hand-offs, and the agents behind them.
    ///
    /// Agents that hand over to each other have one box each. An agent that is created
    /// [on demand](crate::Handoff::later) is created for the diagram, and identified by its name.
    ///
    /// ```
    /// use raaf_agents::{Agent, FunctionTool, ScriptedModel};
    ///
    /// let model = || ScriptedModel::new("scripted", ["…"]);
    /// let poet = Agent::builder("Poet", model()).build();
    /// let editor = Agent::builder("Editor", model())
    ///     .tool(FunctionTool::infallible("count", "Counts words.", |(): ()| async { 7 }))
    ///     .tool(poet.as_tool("write_poem", "Writes a poem."))
    ///     .build();
    ///
    /// let expected = "\
    /// Agent: Editor  (model scripted)
    /// ├── Tool: count
    /// └── Tool: write_poem
    ///     └── Agent: Poet  (model scripted)
    /// ";
    /// assert_eq!(editor.diagram().to_string(), expected);
    /// ```
    pub fn diagram(&self) -> Diagram {
        Drawing::diagram(|drawing| drawing.agent(self))
    }
}

impl Drawing {
    /// Draws an agent with its parts, or refers to its box if it is drawn already.
    pub fn agent(&mut self, agent: &Agent) {
        let component = agent.component();
        if self.known_agent(|known| known.is(component), agent.name()) {
            return;
        }
        let Some(node) = self.new_agent(component) else { return };
        agent.model().draw(self);
        if let Some(output) = agent.output() {
            self.note(format!("answers {}", output.schema().name));
        }
        self.guardrails(node, agent.input_guardrails(), &Relation::InputChecked);
        for tool in agent.tools() {
            self.link(node, &Relation::Calls, |inside| inside.tool(&**tool));
        }
        for handoff in agent.handoffs() {
            let relation = Relation::HandsOff { notes: handoff.notes() };
            self.link(node, &relation, |inside| {
                if !handoff.is_on_demand() {
                    inside.agent(&handoff.target());
                    return;
                }
                inside.on_demand(|inside| {
                    if !inside.known_agent(|_| false, handoff.target_name()) {
                        inside.agent(&handoff.target());
                    }
                });
            });
        }
        self.guardrails(node, agent.output_guardrails(), &Relation::AnswerChecked);
    }

    /// Draws a tool, and what is behind it.
    pub(crate) fn tool(&mut self, tool: &dyn Tool) {
        let Some(node) = self.node(NodeKind::Tool, &tool.spec().name) else { return };
        if let Some(limit) = tool.timeout() {
            self.note(format!("within {limit:?}"));
        }
        if tool.is_final() {
            self.note("its result is the answer");
        }
        self.link(node, &Relation::Calls, |inside| tool.draw(inside));
    }

    fn guardrails(&mut self, agent: usize, guardrails: &[Guardrail], relation: &Relation) {
        for guardrail in guardrails {
            self.link(agent, relation, |inside| {
                inside.node(NodeKind::Guardrail, guardrail.name());
            });
        }
    }
}
