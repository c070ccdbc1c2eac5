//! Random runs, once without a pause between steps and once cut into pieces at random steps.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use proptest::{collection::vec, option, prelude::*};
use raaf_agents::{
    Agent, AgentBuilder, Approval, FunctionTool, Handoff, Message, Model, ModelError, ModelRequest,
    ModelResponse, RunConfig, RunError, RunResult, RunState, Runner, ToolCall, ToolResult, Usage,
};
use raaf_testkit::{Capture, Spans, assert_coherent};
use raaf_trace_core::{FinishedSpan, SpanId};
use serde_json::json;

/// Plan of an agent: turns with calls, and then an answer.
#[derive(Clone, Debug)]
struct Plan {
    turns: Vec<Turn>,
}

#[derive(Clone, Debug)]
struct Turn {
    calls: Vec<Call>,
    handoff: Option<(Decision, Plan)>,
}

#[derive(Clone, Debug)]
struct Call {
    decision: Decision,
    /// The agent that is called, if it is not a function.
    agent: Option<Plan>,
    fails: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    NotNeeded,
    Approve,
    Reject,
}

fn decisions() -> impl Strategy<Value = Decision> {
    prop_oneof![
        3 => Just(Decision::NotNeeded),
        2 => Just(Decision::Approve),
        1 => Just(Decision::Reject),
    ]
}

fn plans(depth: u32) -> BoxedStrategy<Plan> {
    let agent = match depth {
        0 => Just(None).boxed(),
        _ => prop_oneof![3 => Just(None), 1 => plans(depth - 1).prop_map(Some)].boxed(),
    };
    let call = (decisions(), agent, prop::bool::weighted(0.1))
        .prop_map(|(decision, agent, fails)| Call { decision, agent, fails });
    let handoff = match depth {
        0 => Just(None).boxed(),
        _ => option::weighted(0.3, (decisions(), plans(depth - 1))).boxed(),
    };
    let turn = (vec(call, 1..4), handoff).prop_map(|(calls, handoff)| Turn { calls, handoff });
    vec(turn, 0..3).prop_map(|turns| Plan { turns }).boxed()
}

/// A model that carries out a plan. It knows the turns that it has taken by the ids of their calls.
struct Planned {
    turns: Vec<Vec<ToolCall>>,
}

#[async_trait]
impl Model for Planned {
    fn name(&self) -> &str {
        "planned"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let calls = || request.messages.iter().flat_map(Message::tool_calls);
        let is_new = |turn: &&Vec<ToolCall>| calls().all(|call| call.id != turn[0].id);
        let message = if let Some(turn) = self.turns.iter().find(is_new) {
            Message::calls(turn.clone())
        } else {
            let results = request.messages.iter().flat_map(Message::tool_results);
            let texts: Vec<_> = results.map(ToolResult::text).collect();
            Message::assistant(texts.join("|"))
        };
        Ok(ModelResponse::new(message).with_usage(Usage::new(3, 2)))
    }
}

/// The program that runs plans, as one process has it.
#[derive(Clone)]
struct Program {
    /// The calls that functions have done.
    ledger: Arc<Mutex<Vec<String>>>,
    /// Makes random decisions on pauses; `None` pauses for approvals only.
    cuts: Option<Arc<Mutex<fastrand::Rng>>>,
}

impl Program {
    fn runner(&self) -> Runner {
        let config = match self.cuts.clone() {
            Some(cuts) => RunConfig::new().pause_when(move |_| cuts.lock().unwrap().u8(..4) == 0),
            None => RunConfig::new(),
        };
        Runner::new().with_max_turns(100).with_config(config)
    }

    fn agent(&self, name: &str, plan: &Plan) -> Agent {
        let mut turns = Vec::new();
        let (mut tools, mut handoffs) = (Vec::new(), Vec::new());
        let mut agents = Vec::new();
        for (number, turn) in plan.turns.iter().enumerate() {
            let mut calls = Vec::new();
            for (place, call) in turn.calls.iter().enumerate() {
                let id = format!("{name}_{number}{place}");
                calls.push(ToolCall::new(&id, &id, &json!({"input": id})));
                let approval = approval(call.decision);
                match &call.agent {
                    None => tools.push(self.function(id, call.fails).with_approval(approval)),
                    Some(plan) => {
                        let inner = self.agent(&format!("{id}x"), plan).as_tool(&id, "Asks.");
                        agents.push(inner.with_runner(self.runner()).with_approval(approval));
                    }
                }
            }
            if let Some((decision, plan)) = &turn.handoff {
                let next = self.agent(&format!("{name}_{number}h"), plan);
                let tool = format!("transfer_{name}_{number}");
                calls.push(ToolCall::new(&tool, &tool, &json!({})));
                let handoff = Handoff::to(&next).tool_name(tool).approval(approval(*decision));
                handoffs.push(handoff);
            }
            turns.push(calls);
        }
        let agent = Agent::builder(name, Planned { turns }).tools(tools);
        let agent = agents.into_iter().fold(agent, AgentBuilder::tool);
        handoffs.into_iter().fold(agent, AgentBuilder::handoff).build()
    }

    fn function(&self, id: String, fails: bool) -> FunctionTool {
        let (ledger, name) = (Arc::clone(&self.ledger), id.clone());
        FunctionTool::new(name, "Does it.", move |_: serde_json::Map<String, serde_json::Value>| {
            ledger.lock().unwrap().push(id.clone());
            let done = if fails { Err("no luck") } else { Ok(format!("did {id}")) };
            async move { done }
        })
    }

    /// Runs a plan to its end, with decisions as planned: all at each pause, or only some.
    async fn run(&self, plan: &Plan) -> RunResult {
        let agent = || self.agent("A", plan);
        let decisions = by_call("A", plan);
        let mut ended = self.runner().run(&agent(), "go").await;
        loop {
            let mut state = match ended {
                Ok(result) => return result,
                Err(error) => self.another_process(error),
            };
            for call in state.pending() {
                let is_later = |cuts: &Arc<Mutex<fastrand::Rng>>| cuts.lock().unwrap().bool();
                if self.cuts.as_ref().is_some_and(is_later) {
                    continue;
                }
                match decisions[&call.call.name] {
                    Decision::Reject => state.reject(&call.key, "not now").unwrap(),
                    _ => state.approve(&call.key).unwrap(),
                }
            }
            ended = self.runner().resume(&agent(), state).await;
        }
    }

    fn another_process(&self, error: RunError) -> RunState {
        let state = error.into_state().unwrap();
        if self.cuts.is_none() {
            return state;
        }
        let json = serde_json::to_string(&state).unwrap();
        let read = serde_json::from_str(&json).unwrap();
        assert_eq!(state, read, "{json}");
        read
    }
}

fn approval(decision: Decision) -> Approval {
    if decision == Decision::NotNeeded { Approval::never() } else { Approval::always() }
}

/// Returns the decisions by the name of the tool.
fn by_call(name: &str, plan: &Plan) -> BTreeMap<String, Decision> {
    let mut all = BTreeMap::new();
    for (number, turn) in plan.turns.iter().enumerate() {
        for (place, call) in turn.calls.iter().enumerate() {
            let id = format!("{name}_{number}{place}");
            if let Some(inner) = &call.agent {
                all.append(&mut by_call(&format!("{id}x"), inner));
            }
            all.insert(id, call.decision);
        }
        if let Some((decision, next)) = &turn.handoff {
            all.append(&mut by_call(&format!("{name}_{number}h"), next));
            all.insert(format!("transfer_{name}_{number}"), *decision);
        }
    }
    all
}

fn is_set(span: &FinishedSpan, key: &str) -> bool {
    span.attributes().get(key) == Some(true.into())
}

/// The tree without the marks of resuming: spans that go on are one with those that they continue.
struct Whole<'a> {
    spans: &'a Spans,
    /// The first span of each agent and tool call, by those that go on with it.
    first: BTreeMap<SpanId, SpanId>,
    children: BTreeMap<SpanId, Vec<&'a FinishedSpan>>,
    above: BTreeMap<SpanId, SpanId>,
}

impl<'a> Whole<'a> {
    fn of(spans: &'a Spans) -> Self {
        let mut whole = Self {
            spans,
            first: BTreeMap::new(),
            children: BTreeMap::new(),
            above: BTreeMap::new(),
        };
        let root = spans.roots().next().unwrap();
        whole.add_children(root);
        whole
    }

    fn first_of(&self, span: SpanId) -> SpanId {
        self.first.get(&span).copied().unwrap_or(span)
    }

    fn add_children(&mut self, parent: &FinishedSpan) {
        for child in self.spans.children_of(parent) {
            self.add(parent, child);
            self.add_children(child);
        }
    }

    fn add(&mut self, parent: &FinishedSpan, child: &'a FinishedSpan) {
        let resumed = is_set(child, "resumed");
        if resumed && child.component_name() == parent.component_name() {
            let first = self.first_of(parent.span_id());
            self.first.insert(child.span_id(), first);
            return;
        }
        if let Some(link) = child.links().next().filter(|_| resumed) {
            let first = self.first_of(link.context().span_id().unwrap());
            self.first.insert(child.span_id(), first);
            return;
        }
        let mut above = self.first_of(parent.span_id());
        if resumed && parent.kind() == "agent" {
            // It took over from an agent that had gone on.
            above = self.above[&above];
        }
        let siblings = self.children.entry(above).or_default();
        let id =
            |span: &FinishedSpan| span.attributes().get("tool.call_id").map(|id| id.to_string());
        let same = siblings.iter().find(|other| id(other).is_some() && id(other) == id(child));
        if let Some(first) = same {
            self.first.insert(child.span_id(), first.span_id());
        } else {
            siblings.push(child);
            self.above.insert(child.span_id(), above);
        }
    }

    fn drawn(&self, span: &FinishedSpan, depth: usize) -> String {
        let mut text = String::new();
        let name = span.component_name();
        writeln!(text, "{:1$}{2} {name}", "", depth * 2, span.kind()).unwrap();
        let below = self.children.get(&span.span_id()).into_iter().flatten();
        // Calls that wait start later than those beside them.
        let mut below: Vec<_> = below.map(|child| self.drawn(child, depth + 1)).collect();
        below.sort();
        text + &below.concat()
    }
}

fn drawn(spans: &Spans) -> String {
    Whole::of(spans).drawn(spans.roots().next().unwrap(), 0)
}

/// Runs a plan. Returns its result, the calls that were done, and its tree.
async fn outcome(plan: &Plan, cuts: Option<u64>) -> (RunResult, Vec<String>, Spans) {
    let cuts = cuts.map(|seed| Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))));
    let program = Program { ledger: Arc::default(), cuts };
    // The system's clock may be set back between two pieces.
    let capture = Capture::deterministic();
    let result = capture.run_async(program.run(plan)).await;
    let mut done = program.ledger.lock().unwrap().clone();
    done.sort();
    (result, done, capture.spans_async().await)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_run_in_pieces_is_the_run_as_a_whole(plan in plans(2), seed: u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (straight, done, spans) = outcome(&plan, None).await;
            let (cut, done_in_pieces, pieces) = outcome(&plan, Some(seed)).await;
            assert_eq!(cut.messages, straight.messages);
            assert_eq!((&cut.output, &cut.agent, cut.turns), (&straight.output, &straight.agent, straight.turns));
            assert_eq!((cut.usage, &cut.usage_by_agent), (straight.usage, &straight.usage_by_agent));
            assert_eq!(done_in_pieces, done, "each call once");
            assert_coherent!(spans);
            assert_coherent!(pieces);
            assert_eq!(drawn(&pieces), drawn(&spans), "{pieces}\n{spans}");
        });
    }
}
