//! Plain functions over text; they know neither agents nor traces.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Words that say nothing about a text.
const COMMON: &[&str] = &[
    "about", "after", "also", "another", "because", "been", "before", "being", "between", "both",
    "could", "does", "each", "every", "from", "have", "here", "into", "itself", "just", "like",
    "made", "make", "many", "more", "most", "much", "must", "never", "none", "nothing", "once",
    "only", "other", "over", "same", "should", "since", "some", "such", "than", "that", "their",
    "them", "then", "there", "these", "they", "this", "those", "through", "under", "until", "upon",
    "very", "were", "what", "when", "where", "which", "while", "will", "with", "without", "would",
    "your",
];

/// Maximum length of a quoted line, in characters.
const QUOTED: usize = 100;

#[derive(Debug, Serialize, Deserialize)]
pub struct Line {
    pub number: usize,
    pub text: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct RankedWords {
    pub total: usize,
    pub different: usize,
    pub top: Vec<WordCount>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct WordCount {
    pub word: String,
    pub count: usize,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Heading {
    pub level: usize,
    pub title: String,
}

/// Counts the occurrences of `query` as a whole word or phrase, in any case.
pub fn occurrences(text: &str, query: &str) -> usize {
    let (text, query) = (text.to_lowercase(), query.to_lowercase());
    let is_whole = |start: usize| {
        let before = text[..start].chars().next_back();
        let after = text[start + query.len()..].chars().next();
        ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    };
    text.match_indices(&query).filter(|(start, _)| is_whole(*start)).count()
}

/// The first `limit` lines that have `query` as a whole word or phrase, whatever its case.
pub fn lines_with(text: &str, query: &str, limit: usize) -> Vec<Line> {
    let lines = (1..).zip(text.lines());
    let found = lines.filter(|(_, line)| occurrences(line, query) > 0);
    found.take(limit).map(|(number, line)| Line { number, text: quoted(line) }).collect()
}

fn quoted(line: &str) -> String {
    let line = line.trim();
    match line.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{} …", line[..end].trim_end()),
        None => line.to_owned(),
    }
}

/// Counts all words, and ranks those of four letters and more: by count, then by alphabet.
pub fn rank_words(text: &str, limit: usize) -> RankedWords {
    let mut total = 0;
    let mut counts = HashMap::<String, usize>::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        total += 1;
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    let different = counts.len();
    let telling = |word: &String| {
        word.chars().count() >= 4
            && word.chars().all(char::is_alphabetic)
            && !COMMON.contains(&word.as_str())
    };
    let mut top: Vec<_> = counts
        .into_iter()
        .filter(|(word, _)| telling(word))
        .map(|(word, count)| WordCount { word, count })
        .collect();
    top.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.word.cmp(&b.word)));
    top.truncate(limit);
    RankedWords { total, different, top }
}

/// The `#` headings outside of fenced code.
pub fn headings(text: &str) -> Vec<Heading> {
    let mut fenced = false;
    let mut headings = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            headings.extend(heading(line));
        }
    }
    headings
}

fn heading(line: &str) -> Option<Heading> {
    let level = line.chars().take_while(|c| *c == '#').count();
    let title = line[level..].strip_prefix(' ')?.trim();
    ((1..=6).contains(&level) && !title.is_empty())
        .then(|| Heading { level, title: title.to_owned() })
}

/// Returns the targets of Markdown links and bare web addresses, in order, each once.
pub fn links(text: &str) -> Vec<String> {
    let mut links = Vec::<String>::new();
    for (start, opening) in text.match_indices(['h', ']']) {
        let rest = &text[start..];
        let link = match opening {
            "]" => {
                rest.strip_prefix("](").and_then(|rest| rest.split_once(')')).map(|(link, _)| link)
            }
            _ => web_address(rest),
        };
        if let Some(link) =
            link.filter(|link| !link.is_empty() && !link.contains(char::is_whitespace))
            && !links.iter().any(|known| known == link)
        {
            links.push(link.to_owned());
        }
    }
    links
}

fn web_address(text: &str) -> Option<&str> {
    let is_address = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    let end = text.find(|c: char| c.is_whitespace() || "<>()[]\"'`".contains(c));
    let link = text[..end.unwrap_or(text.len())].trim_end_matches(['.', ',', ';', ':']);
    is_address.then_some(link)
}
