//! Diagrams of agents and pipelines.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

mod parsers;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use raaf_agents::{
    Agent, AgentBuilder, Approval, CallLimits, Content, Diagram, Drawing, FallbackModel,
    FlowExt as _, FunctionTool, Guardrail, Handoff, LimitedModel, Merge, OnBranchError,
    OutputSchema, Pipeline, RetryPolicy, RetryingModel, ScriptedModel, State, Step, StepError,
    Tool, ToolError, ToolSpec, Verdict, service, step,
};
use raaf_trace_core::{Component, Traceable, diagnostics::Escaped};
use serde_json::{Value as Json, json};

fn agent(name: &str) -> AgentBuilder {
    Agent::builder(name, ScriptedModel::new("scripted", ["…"]))
}

fn tool(name: &str) -> FunctionTool {
    FunctionTool::infallible(name, "Does it.", |(): ()| async { "done" })
}

fn guardrail(name: &str) -> Guardrail {
    Guardrail::new(name, |_| async { Verdict::pass() })
}

fn function(name: &str) -> raaf_agents::FunctionStep {
    service(name, |state: State| async move { Ok(state) })
}

#[test]
fn models_that_stand_in_for_others_and_limits_of_calls_are_noted() {
    let model = |name| ScriptedModel::new(name, ["…"]);
    let retried = RetryingModel::new(model("large"), RetryPolicy::new(3));
    let fallback = FallbackModel::new(retried).or(model("small")).or(model("tiny"));
    let limited = LimitedModel::new(fallback, CallLimits::new().with_max_concurrent(2));
    let text = Agent::builder("A", Arc::new(limited)).build().diagram().to_string();
    let notes = "model large, up to 3 retries, else small, else tiny, limited calls";
    assert_eq!(text, format!("Agent: A  ({notes})\n"));
}

/// An agent with one of everything.
fn support() -> Agent {
    let refund = tool("refund").with_approval(Approval::when(|_, _| true));
    let billing = agent("Billing").tool(refund).build();
    let poet = agent("Poet").output_schema(OutputSchema::new("poem", json!({}))).build();
    let write_poem = poet.as_tool("write_poem", "Writes.").with_approval(Approval::always());
    let back = Handoff::to(&billing)
        .enabled_if(|_| true)
        .approval(Approval::always())
        .input_filter(|messages| messages);
    agent("Support")
        .input_guardrail(guardrail("polite"))
        .output_guardrail(guardrail("no_pii"))
        .tool(tool("look_up").with_timeout(Duration::from_secs(5)))
        .tool(tool("close").enabled_if(|_| true).with_final_result())
        .tool(write_poem)
        .handoff(back)
        .build()
}

/// A pipeline with one of everything.
fn research() -> Pipeline {
    let nested = (function("check") >> function("sign")).named("Review").build().unwrap();
    let search = (function("web").timeout(Duration::from_secs(5)).retry(3)
        | (function("index") >> function("rank")).retry(1))
    .merge(Merge::Append)
    .merge_key("best", Merge::ById("id".to_owned()))
    .on_error(OnBranchError::Collect);
    let writer = agent("Writer").tool(tool("cite")).build();
    let translate = tool("translate").writes("text");
    (agent("Planner").build().reads("wish").writes("plan")
        >> search
        >> writer
            .reads(["plan", "found"])
            .writes("report")
            .map_input("notes", "found")
            .each_over("chapters")
            .concurrency(2)
        >> (translate.before(|_| ()).after(|_| ())).run_if("it is not English", |_| true).retry(2)
        >> nested)
        .named("Research")
        .build()
        .unwrap()
}

#[test]
fn an_agents_tools_guardrails_and_hand_offs_are_drawn() {
    let expected = "\
Agent: Support  (model scripted)
├── input: Guardrail: polite
├── Tool: look_up  (within 5s)
├── Tool: close  (its result is the answer, if enabled)
├── Tool: write_poem  (needs approval)
│   └── Agent: Poet  (model scripted, answers poem)
├── hands off (if enabled, needs approval, filtered input) to Agent: Billing  (model scripted)
│   └── Tool: refund  (may need approval)
└── answer: Guardrail: no_pii
";
    assert_eq!(support().diagram().to_string(), expected);
}

#[test]
fn a_pipelines_steps_and_their_wrappers_are_drawn() {
    let expected = "\
Pipeline: Research
├── Agent: Planner  (model scripted, reads wish, writes plan)
├── in parallel  (merge: append, merge of best: by id, failures are collected)
│   ├── Step: web  (within 5s, up to 3 retries)
│   └── up to 1 retry
│       ├── Step: index
│       └── Step: rank
├── for each of chapters  (2 at a time, report as chapters_report)
│   └── Agent: Writer  (model scripted, reads plan, found, writes report, given notes as found)
│       └── Tool: cite
├── up to 2 retries
│   └── if it is not English
│       └── Tool: translate  (writes text, after a hook, before a hook)
└── Pipeline: Review
    ├── Step: check
    └── Step: sign
";
    assert_eq!(research().diagram().to_string(), expected);
}

#[test]
fn arrows_lead_through_branches_and_around_conditions() {
    let pipeline = (function("a")
        >> (function("b") | function("c"))
        >> function("d").run_if("there is more", |_| true)
        >> function("e"))
    .named("Letters")
    .build()
    .unwrap();
    let mermaid = r#"flowchart TD
    subgraph g0["Pipeline: Letters"]
        n0["Step: a"]
        n1["Step: b"]
        n2["Step: c"]
        n5(("merge: last"))
        n6{"there is more"}
        n3["Step: d"]
        n4["Step: e"]
    end
    n1 ==> n5
    n2 ==> n5
    n0 ==> n1
    n0 ==> n2
    n6 ==>|"yes"| n3
    n5 ==> n6
    n3 ==> n4
    n6 ==>|"no"| n4
"#;
    assert_eq!(pipeline.diagram().to_mermaid(), mermaid);
}

#[test]
fn agents_that_hand_over_to_each_other_have_one_box_each() {
    fn ping() -> Agent {
        agent("Ping").handoff(Handoff::later("Pong", pong)).build()
    }
    fn pong() -> Agent {
        // The agent behind the tool is made anew, too.
        let ask = ping().as_tool("ask", "Asks.");
        agent("Pong").handoff(Handoff::later("Ping", ping)).tool(ask).build()
    }
    let expected = "\
Agent: Ping  (model scripted)
└── hands off to Agent: Pong  (model scripted)
    ├── Tool: ask
    │   └── Agent: Ping  (above)
    └── hands off to Agent: Ping  (above)
";
    let diagram = ping().diagram();
    assert_eq!(diagram.to_string(), expected);
    assert_eq!(diagram.to_mermaid().matches("Ping").count(), 1);
    assert_eq!(diagram.to_dot().matches("Pong").count(), 1);
}

#[test]
fn agents_are_told_apart_by_themselves_and_not_by_their_names() {
    let helper = agent("Helper").build();
    let other = agent("Helper").tool(tool("own")).build();
    let boss = agent("Boss")
        .tool(helper.as_tool("one", "Asks."))
        .tool(helper.as_tool("two", "Asks."))
        .tool(other.as_tool("three", "Asks."))
        .build();
    let expected = "\
Agent: Boss  (model scripted)
├── Tool: one
│   └── Agent: Helper  (model scripted)
├── Tool: two
│   └── Agent: Helper  (above)
└── Tool: three
    └── Agent: Helper  (model scripted)
        └── Tool: own
";
    assert_eq!(boss.diagram().to_string(), expected);
}

#[test]
fn an_agent_in_two_steps_has_two_boxes() {
    let twice = agent("Editor").tool(tool("cut")).build();
    let pipeline =
        (twice.reads("a").writes("b") >> twice.reads("b").writes("c")).named("Edits").build();
    let diagram = pipeline.unwrap().diagram();
    assert_eq!(diagram.to_string().matches("Tool: cut").count(), 2);
    assert!(diagram.to_mermaid().contains("n0 ==> n2\n"), "{}", diagram.to_mermaid());
}

#[test]
fn agents_without_end_are_left_out_and_counted() {
    fn numbered(number: usize) -> Agent {
        let next = move || numbered(number + 1);
        agent(&format!("Agent {number}"))
            .handoff(Handoff::later(format!("Agent {}", number + 1), next))
            .build()
    }
    let diagram = numbered(0).diagram();
    let text = diagram.to_string();
    assert!(text.contains("Agent 499") && !text.contains("Agent 500"), "{text}");
    assert!(text.ends_with("(left out: 1 more)\n"), "{text}");
    for text in [diagram.to_mermaid(), diagram.to_dot()] {
        assert!(text.contains("left out: 1 more"), "{text}");
    }
}

#[derive(Traceable)]
struct Wrapping {
    component: Component,
    spec: ToolSpec,
    inner: Pipeline,
}

#[async_trait::async_trait]
impl Tool for Wrapping {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn invoke(&self, _: Json) -> Result<Content, ToolError> {
        Ok("done".into())
    }

    fn draw(&self, drawing: &mut Drawing) {
        drawing.note("cached");
        drawing.pipeline(&self.inner);
        drawing.note("in a transaction");
    }
}

struct Guarded(Agent);

#[async_trait::async_trait]
impl Step for Guarded {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn run(&self, state: State) -> Result<State, StepError> {
        Step::run(&self.0, state).await
    }

    fn draw(&self, drawing: &mut Drawing) {
        drawing.step("guard");
        drawing.agent(&self.0);
        drawing.note("guarded");
    }
}

#[test]
fn tools_and_steps_of_the_program_draw_themselves() {
    let inner = function("copy").named("Copy").build().unwrap();
    let spec = ToolSpec::new("save", "Saves.", json!({ "type": "object" }));
    let save = Wrapping { component: Component::tool("save"), spec, inner };
    let shared: Arc<dyn Tool> = Arc::new(save);
    let clerk = agent("Clerk").tool(shared).build();
    let boxed: Box<dyn Step> = Box::new(Guarded(clerk));
    let expected = "\
Pipeline: Work
├── in sequence
│   ├── Step: guard
│   └── Agent: Clerk  (model scripted, guarded)
│       └── Tool: save  (cached)
│           └── Pipeline: Copy  (in a transaction)
│               └── Step: copy
└── Step: end
";
    let pipeline = (step(boxed) >> function("end")).named("Work").build().unwrap();
    assert_eq!(pipeline.diagram().to_string(), expected);
}

/// Names that try to leave the place where they are shown.
const HOSTILE: [&str; 12] = [
    "\"]; click n0 call alert() \"",
    "end",
    "</script><b>bold</b> &amp; &lt;",
    "\u{1b}[2J\u{7}\r\nn0 --> n1",
    "\\\" \\n \\N \\l \\",
    "`code` **bold** #35; #quot; %% comment",
    "%%{init: {}}%%",
    "subgraph }{ | || ()",
    "\u{202e}reversed\u{200b}",
    "日本 👩‍🔬 naïve",
    "graph; A-->B",
    "javascript:alert(1)",
];

/// An agent and a pipeline with these names everywhere.
fn hostile() -> Vec<Diagram> {
    let pair = |name: &str| {
        let agent = agent(name)
            .input_guardrail(guardrail(name))
            .handoff(agent(&format!("to {name}")).build())
            .build();
        let pipeline = (function(name).run_if(name, |_| true)
            >> (function(name) | agent.reads(name).writes(name))
                .merge(Merge::ById(name.to_owned()))
            >> function(name).each_over(name))
        .named(name)
        .build()
        .unwrap();
        [agent.diagram(), pipeline.diagram()]
    };
    HOSTILE.into_iter().flat_map(pair).collect()
}

#[test]
fn no_name_controls_a_terminal_or_adds_a_line() {
    for (index, diagram) in hostile().into_iter().enumerate() {
        let of_any_name = hostile()[index % 2 + 2].clone();
        let forms = [Diagram::to_string, Diagram::to_mermaid, Diagram::to_dot];
        for form in forms {
            let text = form(&diagram);
            assert_eq!(text.lines().count(), form(&of_any_name).lines().count(), "{text}");
            assert_eq!(Escaped(text.replace('\n', "")).to_string(), text.replace('\n', ""));
        }
    }
}

#[test]
fn long_names_are_cut() {
    let text = agent(&"n".repeat(100_000)).build().diagram().to_string();
    assert_eq!(text, format!("Agent: {}…  (model scripted)\n", "n".repeat(80)));
}

/// Returns the boxes, arrows or groups that a parser sees, in an order of their own.
fn seen(by: &Json, what: &str) -> BTreeSet<String> {
    by[what].as_array().unwrap().iter().map(Json::to_string).collect()
}

#[test]
fn mermaid_and_graphviz_see_the_same_diagrams() {
    let mut diagrams = hostile();
    diagrams.extend([support().diagram(), research().diagram()]);
    let parsed = match parsers::read(&diagrams) {
        Ok(parsed) => parsed,
        Err(reason) => return eprintln!("skipped, {reason}"),
    };
    assert_eq!(parsed.len(), diagrams.len());
    for (diagram, parsed) in diagrams.iter().zip(&parsed) {
        let (mermaid, dot) = (&parsed["mermaid"], &parsed["dot"]);
        for what in ["boxes", "arrows", "groups"] {
            assert_eq!(seen(mermaid, what), seen(dot, what), "{diagram}");
        }
        assert_eq!(mermaid["boxes"].as_array().unwrap().len(), boxes(diagram), "{diagram}");
    }
    // What is seen is what the names are.
    for (name, parsed) in HOSTILE.iter().zip(parsed.iter().step_by(2)) {
        let words = Escaped(format!("Agent: {name}")).to_string();
        let expected = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let boxes = parsed["dot"]["boxes"].as_array().unwrap();
        assert!(boxes.contains(&json!([expected, "model scripted"])), "{expected}: {boxes:?}");
    }
}

fn boxes(diagram: &Diagram) -> usize {
    diagram.to_dot().lines().filter(|line| line.contains("[shape=")).count()
}

#[test]
fn deep_nesting_is_drawn_to_a_bound() {
    let ask = |inner: Agent, number| {
        agent(&format!("Agent {number}")).tool(inner.as_tool("ask", "Asks.")).build()
    };
    let diagram = (0..300).fold(agent("Innermost").build(), ask).diagram();
    assert_eq!(boxes(&diagram), 501);

    let innermost = function("innermost").named("Innermost").build().unwrap();
    let wrapped =
        |inner: Pipeline, number| inner.named(format!("Pipeline {number}")).build().unwrap();
    let diagram = (0..2_000).fold(innermost, wrapped).diagram();
    for text in [diagram.to_string(), diagram.to_mermaid(), diagram.to_dot()] {
        assert!(text.contains("Pipeline 1999") && text.contains("left out: 1 more"), "{text}");
    }
}
