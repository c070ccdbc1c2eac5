//! A run that waits for a person's approval, and goes on in another process.
//!
//! Run it with `cargo run --example approvals`.
//!
//! The agent looks an order up and wants to refund it, which needs an approval. The program stores the
//! state of the run and ends the run there; then it starts itself a second time, as the program that a
//! person's decision reaches. Both append to one trace file, which holds one tree.

use std::{
    env,
    error::Error,
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use raaf_agents::{
    Agent, Approval, FunctionTool, Message, ModelRequest, Reply, RunErrorKind, RunState, Runner,
    ScriptedModel,
};
use raaf_processors::FileSink;
use raaf_testkit::{assert_coherent, read};
use raaf_trace_core::TracerProvider;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

const DECIDE: &str = "decide";

#[derive(Deserialize, JsonSchema)]
struct Order {
    /// The order's number.
    number: u32,
}

#[derive(Deserialize, JsonSchema)]
struct Refund {
    /// The order's number.
    number: u32,
    /// The amount in cents.
    cents: u64,
}

/// Returns the agent, which both processes build in one way.
fn support() -> Agent {
    let look_up =
        FunctionTool::infallible("look_up", "Looks an order up.", |order: Order| async move {
            format!("order {}: one lamp, 12000 cents, delivered broken", order.number)
        });
    let refund =
        FunctionTool::infallible("refund", "Refunds an order.", |refund: Refund| async move {
            format!("{} cents of order {} are refunded", refund.cents, refund.number)
        })
        .with_approval(Approval::when(|_, arguments| arguments["cents"].as_u64() > Some(10_000)));
    let model = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        match request.messages.iter().flat_map(Message::tool_results).count() {
            0 => Reply::call("look_up", json!({ "number": 7 })),
            1 => Reply::call("refund", json!({ "number": 7, "cents": 12_000 })),
            _ => Reply::text("Your lamp is refunded."),
        }
    });
    Agent::builder("Support", model).tool(look_up).tool(refund).build()
}

/// Runs the agent until it waits.
async fn ask(state: &Path) -> Result<(), Box<dyn Error>> {
    let error = match Runner::new().run(&support(), "The lamp of order 7 came broken.").await {
        Ok(result) => return Err(format!("nobody was asked: {}", result.output).into()),
        Err(error) => error,
    };
    let RunErrorKind::Paused(paused) = &error.kind else { return Err(error.into()) };
    for call in paused.pending() {
        println!("{} wants to call {}: {}", call.agent, call.call.name, call.call.arguments);
    }
    fs::write(state, serde_json::to_vec(paused)?)?;
    Ok(())
}

/// Decides, and lets the run go on.
async fn decide(state: &Path) -> Result<(), Box<dyn Error>> {
    let mut state: RunState = serde_json::from_slice(&fs::read(state)?)?;
    for call in state.pending() {
        println!("approved: {}", call.call.name);
        state.approve(&call.key)?;
    }
    let result = Runner::new().resume(&support(), state).await?;
    println!("{}", result.output);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("approvals-{}", std::process::id()));
    let mut arguments = env::args_os().skip(1);
    let is_second = arguments.next().is_some_and(|word| word == DECIDE);
    let folder = arguments.next().map_or(folder, Into::into);
    fs::create_dir_all(&folder)?;
    let (traces, state) = (folder.join("traces.jsonl"), folder.join("state.json"));

    let guard = TracerProvider::builder().with(FileSink::new(&traces)).init()?;
    if is_second {
        decide(&state).await?;
        return Ok(ExitCode::SUCCESS);
    }
    ask(&state).await?;
    guard.shutdown()?;

    let other = Command::new(env::current_exe()?).arg(DECIDE).arg(&folder).status()?;
    let spans = read::file(&traces)?.without_faults();
    assert_coherent!(spans);
    print!("{spans}");
    fs::remove_dir_all(&folder)?;
    Ok(if other.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
