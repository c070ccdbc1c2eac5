//! Tokens of known shapes inside running text.

use std::ops::Range;

use super::{REDACTED, edits::Edits};

/// Beginnings of tokens, and the fewest characters that follow.
const PREFIXES: [(&str, usize); 40] = [
    ("sk-", 16),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("rk_live_", 16),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("xapp-", 16),
    ("hf_", 20),
    ("gsk_", 20),
    ("npm_", 20),
    ("AIza", 30),
    ("AKIA", 16),
    ("ASIA", 16),
    ("sbp_", 32),
    ("rk_test_", 16),
    ("whsec_", 20),
    ("glptt-", 16),
    ("xoxa-", 16),
    ("xoxs-", 16),
    ("ya29.", 20),
    ("pypi-", 20),
    ("dop_v1_", 32),
    ("shpat_", 32),
    ("lin_api_", 20),
    ("ntn_", 20),
    ("pplx-", 20),
    ("xai-", 20),
    ("r8_", 30),
    ("hvs.", 20),
    ("lsv2_", 20),
    ("tvly-", 16),
    ("nvapi-", 20),
    ("AGE-SECRET-KEY-1", 40),
];

/// Returns the text without tokens of known shapes, JSON web tokens and blocks of private keys;
/// `None` when it has none.
pub(super) fn redact(text: &str) -> Option<(String, u32)> {
    let mut edits = Edits::default();
    for (prefix, least) in PREFIXES {
        for (start, run) in runs(text, prefix) {
            if run.len() >= prefix.len() + least {
                edits.push(start..start + run.len(), REDACTED, 1);
            }
        }
    }
    for (start, head) in runs(text, "eyJ") {
        if let Some(end) = web_token(&text[start..], head.len()) {
            edits.push(start..start + end, REDACTED, 1);
        }
    }
    for key in private_keys(text) {
        edits.push(key, REDACTED, 1);
    }
    edits.apply(text)
}

/// Returns each run of a token's characters from the first word with this prefix on, with its
/// position. A run is read once, however many words in it have the prefix.
fn runs<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let mut end = 0;
    text.match_indices(prefix).filter_map(move |(start, _)| {
        if start < end || !begins_word(text, start) {
            return None;
        }
        let after = start + prefix.len();
        end = after + token(&text[after..]);
        Some((start, &text[start..end]))
    })
}

fn begins_word(text: &str, at: usize) -> bool {
    let before = &text[..at];
    // The letter may belong to an escape such as `\n`.
    [r"\n", r"\r", r"\t"].iter().any(|escape| before.ends_with(escape))
        || !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

/// Returns the length of the token at the start of the text.
fn token(text: &str) -> usize {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    text.len() - text.trim_start_matches(is_part).len()
}

/// Returns the length of a JSON web token whose first part has the length `head`: two parts in base64 that begin like an object, and a
/// signature.
fn web_token(text: &str, head: usize) -> Option<usize> {
    let claims = text[head..].strip_prefix('.').filter(|claims| claims.starts_with("eyJ"))?;
    let claims_end = head + 1 + token(claims);
    let signature = text[claims_end..].strip_prefix('.')?;
    Some(claims_end + 1 + token(signature))
}

/// Returns the blocks of private keys, of which one that was cut ends with the text.
fn private_keys(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut searched = 0;
    text.match_indices("-----BEGIN ").filter_map(move |(start, begin)| {
        if start < searched {
            return None;
        }
        let label = &text[start + begin.len()..];
        let label = &label[..label.find("-----")?];
        if !label.contains("PRIVATE KEY") || label.contains('\n') {
            return None;
        }
        let end = format!("-----END {label}-----");
        let length = text[start..].find(&end).map_or(text.len() - start, |at| at + end.len());
        searched = start + length;
        Some(start..searched)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a4_tokens_of_known_shapes_are_found() {
        let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----";
        let long = "A1b2".repeat(10);
        let mut secrets: Vec<_> =
            PREFIXES.iter().map(|(prefix, _)| format!("{prefix}{long}")).collect();
        secrets.push(key.to_owned());
        secrets.push("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln-_".to_owned());
        for secret in secrets {
            let text = format!("use {secret}, please");
            assert_eq!(redact(&text), Some(("use [REDACTED], please".to_owned(), 1)), "{secret}");
        }
        let escaped = format!(r"a\nsk-{long}");
        assert_eq!(redact(&escaped).unwrap().0, r"a\n[REDACTED]");
        assert_eq!(redact(&key[..40]).unwrap().0, "[REDACTED]", "a block that was cut");
    }

    #[test]
    fn a4_words_that_resemble_tokens_stay() {
        for text in [
            "a task-force-of-many-many-people met",
            "sk-short",
            "AKIA",
            "eyJ.eyJ",
            "-----BEGIN PUBLIC KEY-----",
            "-----BEGIN ",
            "",
        ] {
            assert_eq!(redact(text), None, "{text}");
        }
    }
}
