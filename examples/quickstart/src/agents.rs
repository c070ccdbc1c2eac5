//! The four agents, and the order in which they work.

use std::sync::Arc;

use raaf_agents::{Agent, BuildError, Model, Pipeline};

use crate::{document::Document, tools};

/// A planner, two analysts side by side, and a writer.
pub fn pipeline(document: &Arc<Document>, model: Arc<dyn Model>) -> Result<Pipeline, BuildError> {
    let planner = Agent::builder("Planner", Arc::clone(&model))
        .instructions(
            "You plan the analysis of a text. Look up its headings and its most frequent words, \
             then answer with one line: `Search for:` and three words that are worth searching \
             for, separated by commas.",
        )
        .tool(tools::headings(document))
        .tool(tools::rank_words(document))
        .temperature(0.2)
        .build();

    let searcher = Agent::builder("Searcher", Arc::clone(&model))
        .instructions(
            "You find passages in a text. Search for every word that the plan names, all in one \
             turn, then say for each how often it occurs and quote the first line that has it.",
        )
        .tool(tools::search(document))
        .build();

    let statistician = Agent::builder("Statistician", Arc::clone(&model))
        .instructions(
            "You describe a text in figures. Use each of your tools once, all in one turn, then \
             list the most frequent words, the headings and the links.",
        )
        .tool(tools::rank_words(document))
        .tool(tools::headings(document))
        .tool(tools::links(document))
        .build();

    let writer = Agent::builder("Writer", model)
        .instructions(
            "You write a short report in Markdown from the sections you are given. Keep every \
             figure and every quotation as it is.",
        )
        .max_tokens(800)
        .build();

    Pipeline::builder("TextReport")
        .then(planner.reads("document").writes("plan"))
        .parallel([
            searcher.reads("plan").writes("passages"),
            statistician.reads("plan").writes("figures"),
        ])
        .then(writer.reads(["document", "passages", "figures"]).writes("report"))
        .build()
}
