//! Names of tools that are made of other names.

use crate::conversation::{MAX_TOOL_NAME, is_legal_tool_name};

/// Returns a name as it is if a tool can have it, otherwise a legal one with a hash of the name, so
/// that different names stay different.
pub(crate) fn legal(name: String) -> String {
    if is_legal_tool_name(&name) { name } else { hashed("", &name) }
}

/// Returns the name of a tool for something with this name, in snake case. It ends with a hash of the
/// name if characters of that are lost, so that different names get different tools.
pub(crate) fn of(prefix: &str, name: &str) -> String {
    let identifier = as_identifier(name);
    let is_whole = !identifier.is_empty() && name.is_ascii();
    if is_whole && prefix.len() + identifier.len() <= MAX_TOOL_NAME {
        return format!("{prefix}{identifier}");
    }
    hashed(prefix, name)
}

/// Returns the name of a tool that ends with a hash of the original name.
pub(crate) fn hashed(prefix: &str, name: &str) -> String {
    let identifier = as_identifier(name);
    let hash = format!("{:08x}", fingerprint(name));
    let room = MAX_TOOL_NAME - prefix.len() - hash.len() - 1;
    let identifier = identifier.get(..room).unwrap_or(&identifier).trim_end_matches('_');
    let identifier = if identifier.is_empty() { "agent" } else { identifier };
    format!("{prefix}{identifier}_{hash}")
}

/// FNV-1a: the same value in every process, so that traces and scripts can rely on tool names.
pub(crate) fn fingerprint(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Converts a name to snake case in ASCII letters and digits.
fn as_identifier(name: &str) -> String {
    let mut identifier = String::with_capacity(name.len());
    let mut before = None;
    for letter in name.chars() {
        let begins_word = letter.is_uppercase()
            && before.is_some_and(|before: char| before.is_lowercase() || before.is_numeric());
        if begins_word || (!letter.is_alphanumeric() && before.is_some_and(char::is_alphanumeric)) {
            identifier.push('_');
        }
        if letter.is_ascii_alphanumeric() {
            identifier.push(letter.to_ascii_lowercase());
        }
        before = Some(letter);
    }
    identifier.trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agent_names_become_tool_names() {
        for (name, tool) in [
            ("Billing", "billing"),
            ("BillingAgent", "billing_agent"),
            ("Second level support!", "second_level_support"),
            ("Agent2Go", "agent2_go"),
        ] {
            assert_eq!(as_identifier(name), tool);
        }
    }

    #[test]
    fn legal_names_stay_and_others_stay_different() {
        assert_eq!(legal("write_poem".to_owned()), "write_poem");
        let names = ["Billing Agent", "billing agent", "Billing.Agent", "账单", "付款", ""];
        let mut legal: Vec<_> = names.iter().map(|name| legal((*name).to_owned())).collect();
        assert!(legal.iter().all(|name| is_legal_tool_name(name)), "{legal:?}");
        assert!(legal[0].starts_with("billing_agent_"), "{legal:?}");
        legal.sort_unstable();
        legal.dedup();
        assert_eq!(legal.len(), names.len());
    }
}
