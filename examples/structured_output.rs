//! A typed answer.
//!
//! Run it with `cargo run --example structured_output`.
//!
//! The model receives the JSON Schema of the type. Its first answer does not match; the model is
//! told why, and answers again. The range of the rating is checked as well.

use std::error::Error;

use raaf_agents::{Agent, Message, ScriptedModel};
use raaf_processors::ConsoleSink;
use raaf_trace_core::TracerProvider;
use schemars::JsonSchema;
use serde::Deserialize;

/// A review of a product.
#[derive(Deserialize, JsonSchema)]
struct Review {
    product: String,
    /// From 1 to 5.
    #[schemars(range(min = 1, max = 5))]
    rating: u8,
    complaints: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _tracing = TracerProvider::builder().with(ConsoleSink::new()).init()?;

    let model = ScriptedModel::new(
        "scripted",
        [
            r#"{"product": "lamp", "rating": 9, "complaints": "flickers"}"#,
            r#"{"product": "lamp", "rating": 2, "complaints": ["it flickers"]}"#,
        ],
    );
    let reader = Agent::builder("Reader", model)
        .instructions("Say what the review says.")
        .output_type::<Review>()
        .build();

    let result = reader.run("Bought the lamp. It flickers. Two stars.").await?;
    let told = result.messages.get(2).map(Message::text);
    println!("{}", told.unwrap_or_default());
    let Review { product, rating, complaints } = result.parse()?;
    println!("{product}, {rating} of 5: {}", complaints.join(", "));
    Ok(())
}
