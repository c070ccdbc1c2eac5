//! The embedded model: rules instead of weights, but the same conversation.
//!
//! It sees what a real model would see (instructions, messages, the tools on offer) and nothing
//! else. With tools on offer and none called yet it decides which to call; with results in the
//! conversation it writes from them.

use std::collections::BTreeMap;

use raaf_agents::{Message, ModelRequest, Reply, ScriptedModel, ToolSpec};
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use crate::analysis::{Heading, Line, RankedWords};

/// Number of the most frequent words that are searched for.
const TERMS: usize = 3;

pub fn new() -> ScriptedModel {
    ScriptedModel::from_fn("offline-analyst", |request: &ModelRequest| {
        let results = Results::of(&request.messages);
        if request.tools.is_empty() {
            Reply::text(report(&request.last_user_text()))
        } else if results.is_empty() {
            choose_tools(request)
        } else if request.has_tool("search") {
            Reply::text(passages(&results))
        } else if request.has_tool("links") {
            Reply::text(figures(&results))
        } else {
            Reply::text(plan(&results))
        }
    })
}

/// Calls every tool on offer that it knows, or that needs no arguments; and `search` once for each
/// word of the plan.
fn choose_tools(request: &ModelRequest) -> Reply {
    let mut calls = Vec::new();
    for tool in &request.tools {
        match tool.name.as_str() {
            "search" => {
                let question = request.last_user_text();
                let terms = terms(&question);
                calls.extend(terms.map(|term| ("search", json!({ "query": term }))));
            }
            "rank_words" => calls.push(("rank_words", json!({ "limit": 5 }))),
            name if !needs_arguments(tool) => calls.push((name, json!({}))),
            _ => {}
        }
    }
    if calls.is_empty() { Reply::text("Nothing to look up.") } else { Reply::calls(calls) }
}

fn needs_arguments(tool: &ToolSpec) -> bool {
    tool.parameters["required"].as_array().is_some_and(|required| !required.is_empty())
}

/// The words after `Search for:` in a plan.
fn terms(plan: &str) -> impl Iterator<Item = &str> {
    let listed = plan.rsplit_once("Search for:").map_or("", |(_, rest)| rest);
    let listed = listed.lines().next().unwrap_or_default();
    listed.split(',').map(|term| term.trim().trim_end_matches('.')).filter(|term| !term.is_empty())
}

fn plan(results: &Results) -> String {
    let headings = results.first::<Vec<Heading>>("headings").unwrap_or_default();
    let words = results.first::<RankedWords>("rank_words");
    let words: Vec<_> = words.iter().flat_map(|ranked| &ranked.top).take(TERMS).collect();
    let words: Vec<_> = words.iter().map(|counted| counted.word.as_str()).collect();
    let subject = headings.first().map_or("The text has no headings.".to_owned(), |heading| {
        format!("The text is about “{}”.", heading.title)
    });
    format!("{subject}\nSearch for: {}", words.join(", "))
}

fn passages(results: &Results) -> String {
    let found = results.all("search").map(|hit| {
        let query = hit["query"].as_str().unwrap_or_default();
        let lines: Vec<Line> = parse(&hit["lines"]).unwrap_or_default();
        match lines.first() {
            None => format!("- “{query}” does not occur."),
            Some(Line { number, text }) => {
                let count = times(hit["occurrences"].as_u64().unwrap_or_default());
                format!("- “{query}” occurs {count}, first in line {number}: {text}")
            }
        }
    });
    let found: Vec<_> = found.collect();
    if found.is_empty() { "- No search was possible.".to_owned() } else { found.join("\n") }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

fn figures(results: &Results) -> String {
    let mut lines = Vec::new();
    if let Some(RankedWords { total, different, top }) = results.first("rank_words") {
        let top: Vec<_> =
            top.iter().map(|word| format!("{} ({})", word.word, word.count)).collect();
        lines.push(format!("- {total} words, {different} different ones"));
        lines.push(format!("- most frequent: {}", or_none(&top, ", ")));
    }
    if let Some(headings) = results.first::<Vec<Heading>>("headings") {
        let titles: Vec<_> = headings.into_iter().map(|heading| heading.title).collect();
        lines.push(format!("- headings ({}): {}", titles.len(), or_none(&titles, " / ")));
    }
    if let Some(links) = results.first::<Vec<String>>("links") {
        lines.push(format!("- links ({}): {}", links.len(), or_none(&links, " ")));
    }
    lines.join("\n")
}

fn or_none(items: &[String], separator: &str) -> String {
    if items.is_empty() { "none".to_owned() } else { items.join(separator) }
}

/// The writer is given the sections by name, and gives them titles.
fn report(sections: &str) -> String {
    let sections = format!("\n{sections}");
    let section = |name: &str| {
        // From the end, and on lines of their own: the text can hold such tags itself.
        let (_, rest) = sections.rsplit_once(&format!("\n<{name}>\n"))?;
        rest.rsplit_once(&format!("\n</{name}>")).map(|(text, _)| text.trim())
    };
    let title = section("document").and_then(|opening| {
        let heading = opening.lines().find_map(|line| line.strip_prefix("# "));
        heading.or_else(|| opening.lines().next())
    });
    format!(
        "# Report: {}\n\n## Passages\n\n{}\n\n## Figures\n\n{}",
        title.unwrap_or("a text").trim(),
        section("passages").unwrap_or("- none"),
        section("figures").unwrap_or("- none"),
    )
}

/// The results of the tools that were called, by tool, in order.
struct Results(BTreeMap<String, Vec<Json>>);

impl Results {
    fn of(messages: &[Message]) -> Self {
        let mut results = BTreeMap::<String, Vec<Json>>::new();
        for message in messages {
            for result in message.tool_results() {
                // A failed call's text is no JSON: a result without fields.
                let json = serde_json::from_str(&result.text()).unwrap_or(Json::Null);
                results.entry(result.name.clone()).or_default().push(json);
            }
        }
        Self(results)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn all(&self, tool: &str) -> impl Iterator<Item = &Json> {
        self.0.get(tool).into_iter().flatten()
    }

    fn first<T: DeserializeOwned>(&self, tool: &str) -> Option<T> {
        self.all(tool).next().and_then(parse)
    }
}

fn parse<T: DeserializeOwned>(value: &Json) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}
