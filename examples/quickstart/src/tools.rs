//! Tools for the text.

use std::sync::Arc;

use raaf_agents::FunctionTool;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{analysis, document::Document};

#[derive(Deserialize, JsonSchema)]
struct SearchArgs {
    /// Text to look for; upper and lower case do not matter.
    query: String,
}

#[derive(Serialize)]
struct SearchResult {
    query: String,
    occurrences: usize,
    lines: Vec<analysis::Line>,
}

/// Finds a word or phrase.
pub fn search(document: &Arc<Document>) -> FunctionTool {
    let document = Arc::clone(document);
    FunctionTool::new(
        "search",
        "Counts the occurrences of a word or phrase, and returns the first lines that have it.",
        move |SearchArgs { query }: SearchArgs| {
            let document = Arc::clone(&document);
            async move {
                if query.trim().is_empty() {
                    return Err("the query is empty");
                }
                let occurrences = analysis::occurrences(document.text(), &query);
                let lines = analysis::lines_with(document.text(), &query, 3);
                Ok(SearchResult { query, occurrences, lines })
            }
        },
    )
}

#[derive(Deserialize, JsonSchema)]
struct RankArgs {
    /// Number of words to return, at most 50.
    #[schemars(range(min = 1, max = 50))]
    limit: usize,
}

/// Counts and ranks words.
pub fn rank_words(document: &Arc<Document>) -> FunctionTool {
    let document = Arc::clone(document);
    FunctionTool::new(
        "rank_words",
        "Counts the words of the text and returns the most frequent ones, short ones left out.",
        move |RankArgs { limit }: RankArgs| {
            let document = Arc::clone(&document);
            async move {
                match limit {
                    1..=50 => Ok(analysis::rank_words(document.text(), limit)),
                    _ => Err(format!("limit is {limit}; it must be between 1 and 50")),
                }
            }
        },
    )
}

/// An argument object without fields.
#[derive(Deserialize, JsonSchema)]
struct NoArgs {}

/// Lists the headings.
pub fn headings(document: &Arc<Document>) -> FunctionTool {
    let document = Arc::clone(document);
    FunctionTool::infallible(
        "headings",
        "Lists the Markdown headings of the text with their levels.",
        move |NoArgs {}| {
            let document = Arc::clone(&document);
            async move { analysis::headings(document.text()) }
        },
    )
}

/// Lists the links.
pub fn links(document: &Arc<Document>) -> FunctionTool {
    let document = Arc::clone(document);
    FunctionTool::infallible(
        "links",
        "Lists the addresses that the text links to, each once.",
        move |NoArgs {}| {
            let document = Arc::clone(&document);
            async move { analysis::links(document.text()) }
        },
    )
}
