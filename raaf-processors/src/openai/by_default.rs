//! Condition under which the sink runs by default.

use raaf_trace_model::environment::Environment;

const OPENAI_HOST: &str = "api.openai.com";

/// Returns whether `OPENAI_API_KEY` is set, and `OPENAI_BASE_URL` is unset or OpenAI's own: users of
/// other servers did not choose OpenAI.
pub(super) fn applies(environment: &Environment) -> bool {
    let elsewhere = |url: std::ffi::OsString| !is_openai(&url.to_string_lossy());
    environment.get_os("OPENAI_API_KEY").is_some()
        && !environment.get_os("OPENAI_BASE_URL").is_some_and(elsewhere)
}

/// Returns true if a URL is on OpenAI's own host. Unusual URLs are not, so that nothing is sent by
/// mistake.
fn is_openai(url: &str) -> bool {
    let url = url.trim().to_ascii_lowercase();
    let Some(rest) = url.strip_prefix("https://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.strip_suffix(":443").unwrap_or(authority) == OPENAI_HOST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applies_with(pairs: &[(&str, &str)]) -> bool {
        let key = ("OPENAI_API_KEY", "sk-secret");
        applies(&Environment::from_pairs(pairs.iter().copied().chain([key])))
    }

    #[test]
    fn only_with_a_key() {
        assert!(applies_with(&[]));
        assert!(!applies(&Environment::empty()));
        assert!(!applies(&Environment::from_pairs([("OPENAI_API_KEY", "")])));
    }

    #[test]
    fn not_for_users_of_other_servers() {
        for url in ["", "https://api.openai.com/v1", "https://API.openai.com:443"] {
            assert!(applies_with(&[("OPENAI_BASE_URL", url)]), "{url}");
        }
        for url in [
            "http://localhost:11434/v1",
            "https://api.openai.com.evil.example/v1",
            "https://api.openai.com@evil.example/v1",
            "https://evil.example/api.openai.com",
            "https://eu.api.openai.com/v1",
            "http://api.openai.com/v1",
            "api.openai.com",
        ] {
            assert!(!applies_with(&[("OPENAI_BASE_URL", url)]), "{url}");
        }
    }
}
