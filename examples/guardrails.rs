//! Checks of an agent's input and output.
//!
//! Run it with `cargo run --example guardrails`.
//!
//! An input guardrail runs beside the model call, which is cancelled if the guardrail objects. One
//! that runs before the model spends no tokens on a rejected input. An output guardrail withholds
//! the answer.

use std::error::Error;

use raaf_agents::{Agent, Guardrail, ModelRequest, RunErrorKind, ScriptedModel, Verdict};
use raaf_processors::ConsoleSink;
use raaf_trace_core::TracerProvider;

fn agent() -> Agent {
    let homework = Guardrail::new("homework", |text: String| async move {
        let asked = text.contains("solve") && text.contains('=');
        Verdict::trip_if(asked, "that is for the pupil to solve")
    });
    let no_numbers = Guardrail::new("card numbers", |text: String| async move {
        let digits = text.chars().filter(char::is_ascii_digit).count();
        Verdict::trip_if(digits >= 12, "a card number does not leave the house")
    });
    let model = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        match &*request.last_user_text() {
            text if text.contains("card") => "It is 4000 1234 5678 9010.",
            _ => "We open at nine.",
        }
    });
    Agent::builder("Helper", model)
        .instructions("Help customers.")
        .input_guardrail(homework.before_model())
        .output_guardrail(no_numbers)
        .build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _tracing = TracerProvider::builder().with(ConsoleSink::new()).init()?;

    let agent = agent();
    for question in ["When do you open?", "Please solve 2x = 8.", "What is my card's number?"] {
        match agent.run(question).await {
            Ok(result) => println!("{}", result.output),
            Err(error) => match error.kind {
                RunErrorKind::Guardrail { guardrail, objection, .. } => {
                    let calls = error.progress.turns;
                    println!("{guardrail}: {objection} (after {calls} calls of the model)");
                }
                _ => return Err(error.into()),
            },
        }
    }
    Ok(())
}
