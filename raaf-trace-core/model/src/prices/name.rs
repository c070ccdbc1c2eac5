//! Names of models.

use std::collections::HashMap;

/// Quality of the match of a table's name with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    Beginning,
    DatedVariant,
    Exact,
}

/// Names of a table, so that those which can match a model are found without a look at the others.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Index {
    /// By the part behind the prefix of a provider, in which points are hyphens.
    names: HashMap<String, Vec<String>>,
    /// Names that end with `*`.
    beginnings: Vec<String>,
}

impl Index {
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a String>) -> Self {
        let mut index = Self::default();
        for name in names {
            if name.ends_with('*') {
                index.beginnings.push(name.clone());
            } else {
                let key = split(name).1.replace('.', "-");
                index.names.entry(key).or_default().push(name.clone());
            }
        }
        index
    }

    /// Returns the name that matches a model best.
    pub(super) fn find(&self, model: &str) -> Option<&str> {
        let plain = split(model).1.replace('.', "-");
        // A name ends where the model's does, or before a version.
        let ends = plain.match_indices(['-', '@']).map(|(end, _)| end).chain([plain.len()]);
        let found = ends.filter_map(|end| self.names.get(&plain[..end])).flatten();
        let ranked = found.chain(&self.beginnings).filter_map(|name| {
            let rank = Match::of(name, model)?;
            Some((rank, name.len(), name))
        });
        ranked.max_by_key(|(rank, length, _)| (*rank, *length)).map(|(_, _, name)| &**name)
    }
}

impl Match {
    fn of(name: &str, model: &str) -> Option<Self> {
        if let Some(beginning) = name.strip_suffix('*') {
            return model.starts_with(beginning).then_some(Self::Beginning);
        }
        let (prefix, name) = split(name);
        let (behind, model) = split(model);
        if let (Some(prefix), Some(behind)) = (prefix, behind)
            && split(behind).1 != prefix
        {
            return None;
        }
        let rest = strip(model, name)?;
        if rest.is_empty() {
            return Some(Self::Exact);
        }
        let version = rest.strip_prefix(['-', '@'])?;
        is_version(version).then_some(Self::DatedVariant)
    }
}

/// Strips a name off. Points and hyphens are alike, because providers write versions in both ways.
fn strip<'a>(model: &'a str, name: &str) -> Option<&'a str> {
    let plain = |byte: u8| if byte == b'.' { b'-' } else { byte };
    let alike = |(one, other): (u8, u8)| plain(one) == plain(other);
    let start = model.get(..name.len())?;
    start.bytes().zip(name.bytes()).all(alike).then(|| &model[name.len()..])
}

/// Splits the prefix of a provider off.
fn split(name: &str) -> (Option<&str>, &str) {
    name.rsplit_once('/').map_or((None, name), |(prefix, name)| (Some(prefix), name))
}

/// Returns whether a text is `latest`, a date such as `20250514`, `2411` and `2024-08-06`, or a number
/// such as `001`. Fewer digits are a part of the name: `claude-opus-4-1` is no `claude-opus-4`.
fn is_version(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let mut lengths = [0; 3];
    for (index, part) in text.split('-').enumerate() {
        match lengths.get_mut(index) {
            Some(length) if digits(part) => *length = part.len(),
            _ => return text == "latest",
        }
    }
    matches!(lengths, [3 | 4 | 6 | 8, 0, 0] | [4, 2, 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_matches_dated_variants_and_prefixes_of_providers() {
        use Match::{Beginning, DatedVariant, Exact};
        for (name, model, expected) in [
            ("gpt-4o", "gpt-4o", Some(Exact)),
            ("gpt-4o", "openai/gpt-4o", Some(Exact)),
            ("gpt-4o", "openrouter/openai/gpt-4o", Some(Exact)),
            ("gpt-4o", "gpt-4o-2024-08-06", Some(DatedVariant)),
            ("gpt-4o", "azure/gpt-4o-2024-08-06", Some(DatedVariant)),
            ("gpt-4", "gpt-4-0613", Some(DatedVariant)),
            ("claude-sonnet-4", "claude-sonnet-4-20250514", Some(DatedVariant)),
            ("claude-sonnet-4", "claude-sonnet-4@20250514", Some(DatedVariant)),
            ("claude-opus-4-1", "claude-opus-4-1-20250805", Some(DatedVariant)),
            ("gemini-2.0-flash", "models/gemini-2.0-flash-001", Some(DatedVariant)),
            ("claude-opus-4-5", "anthropic/claude-opus-4.5", Some(Exact)),
            ("gpt-5.4", "gpt-5-4-2026-03-05", Some(DatedVariant)),
            ("mistral/mistral-large", "mistral-large-latest", Some(DatedVariant)),
            ("mistral/mistral-large", "mistral/mistral-large", Some(Exact)),
            ("mistral/mistral-large", "litellm/mistral/mistral-large", Some(Exact)),
            ("ours*", "ours-large", Some(Beginning)),
            ("local/*", "local/llama", Some(Beginning)),
            // Other models.
            ("mistral/mistral-large", "elsewhere/mistral-large", None),
            ("gpt-4o", "gpt-4o-mini", None),
            ("gpt-4o", "gpt-4", None),
            ("gpt-4o", "gpt-4o:extended", None),
            ("gpt-4o", "gpt-4o-", None),
            ("gpt-4o", "gpt-4o-2024-08", None),
            ("gpt-4", "gpt-4-32k", None),
            ("gpt-4", "gpt-4-1106-preview", None),
            ("gpt-4o", "ft:gpt-4o-2024-08-06:acme::1", None),
            ("claude-opus-4", "claude-opus-4-1", None),
            ("claude-opus-4", "claude-opus-4-5-20251101", None),
            ("ours*", "theirs", None),
            ("", "anything", None),
        ] {
            assert_eq!(Match::of(name, model), expected, "{name} {model}");
            let names = [name.to_owned()];
            let found = Index::of(names.iter()).find(model).is_some();
            assert_eq!(found, expected.is_some(), "{name} {model}");
        }
    }
}
