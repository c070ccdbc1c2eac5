//! A workflow with a span of each kind that backends should show.

use std::error::Error;

use raaf_agents::{
    Agent, FlowExt as _, FunctionTool, Guardrail, Handoff, Reply, ScriptedModel, State, Verdict,
};
use raaf_processors::OtlpSink;
use raaf_trace_core::{InContext as _, TraceId, TracerProvider, trace};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::LONG;

#[derive(Deserialize, JsonSchema)]
struct Order {
    number: u32,
}

/// Answer of the workflow.
pub(crate) const ANSWER: &str = "The money is on its way.";

/// Input of the workflow, with control characters and quotes.
pub(crate) const QUESTION: &str = "The \"lamp\" came broken.\u{1b}[31m\nWhat now?";

fn agents() -> Agent {
    let model = ScriptedModel::new("scripted", [ANSWER]);
    let refunds = Agent::builder("Refunds", model).instructions("Refund faulty orders.").build();
    let look_up = FunctionTool::new("look_up", "Looks an order up.", |order: Order| async move {
        if order.number == 7 { Ok(json!({"lamp": "broken"})) } else { Err("no such order") }
    });
    let polite = Guardrail::new("polite", |text: String| async move {
        Verdict::trip_if(text.contains("idiot"), "we do not answer that")
    });
    let model = ScriptedModel::new(
        "scripted",
        [
            Reply::call("look_up", json!({ "number": 8 })),
            Reply::call("look_up", json!({ "number": 7 })),
            Reply::call("transfer_to_refunds", json!({})),
        ],
    );
    Agent::builder("Triage", model)
        .instructions("Find out what is wrong.")
        .temperature(0.5)
        .tool(look_up)
        .input_guardrail(polite.before_model())
        .handoff(Handoff::to(&refunds))
        .build()
}

/// Runs it, sends its spans there, and says which trace it was.
pub(crate) async fn run(sink: OtlpSink) -> Result<TraceId, Box<dyn Error>> {
    let provider = TracerProvider::builder().with(sink).build();
    let id = TraceId::random();
    let work = async {
        let pipeline = agents().reads("letter").writes("answer").named("Support").takes("letter");
        pipeline.build()?.run(State::new().with("letter", QUESTION)).await?;
        Ok::<_, Box<dyn Error>>(())
    };
    let workflow = trace("support").group_id("conversation-17").user_id("customer-7");
    let workflow = workflow.tags(["letter"]).metadata("tenant", 7).trace_id(id);
    workflow.try_in_span(work).in_context(provider.context()).await?;
    provider.shutdown(LONG)?;
    Ok(id)
}
