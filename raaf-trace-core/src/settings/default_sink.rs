//! Which sink runs when none was named.

use super::{Environment, Settings};

const OPENAI_HOST: &str = "api.openai.com";

/// What must be known of the user's OpenAI account; neither key nor address is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct OpenAiAccount {
    has_key: bool,
    /// The model client talks to another server, whose users did not ask for OpenAI.
    is_elsewhere: bool,
}

impl OpenAiAccount {
    pub(super) fn read(environment: &Environment) -> Self {
        Self {
            has_key: environment.get_os("OPENAI_API_KEY").is_some(),
            is_elsewhere: environment
                .get_os("OPENAI_BASE_URL")
                .is_some_and(|url| !is_openai(&url.to_string_lossy())),
        }
    }
}

impl Settings {
    /// The sink that runs although none was named: `openai`, when it is linked, no other sink was
    /// named, it was not [forbidden](Self::skip_default_processors), `OPENAI_API_KEY` is set, and
    /// `OPENAI_BASE_URL` is unset or OpenAI's own.
    ///
    /// `linked` says whether the sink of this name is part of the program. Only settings that were
    /// read from an environment know of the two variables; others name no default sink.
    pub fn default_sink(&self, linked: impl Fn(&str) -> bool) -> Option<&'static str> {
        let wanted = !self.skip_default_processors
            && self.sinks().is_empty()
            && self.openai.has_key
            && !self.openai.is_elsewhere
            && linked("openai");
        wanted.then_some("openai")
    }
}

/// Whether a URL is on OpenAI's own host. What is unusual is not: then nothing is sent unasked.
fn is_openai(url: &str) -> bool {
    let url = url.trim().to_ascii_lowercase();
    let Some(rest) = url.strip_prefix("https://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.strip_suffix(":443").unwrap_or(authority) == OPENAI_HOST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let key = ("OPENAI_API_KEY", "sk-secret");
        let pairs = pairs.iter().copied().chain([key]);
        Settings::from_environment(&Environment::from_pairs(pairs)).unwrap()
    }

    #[test]
    fn openai_runs_by_default_when_linked_and_keyed() {
        assert_eq!(settings(&[]).default_sink(|name| name == "openai"), Some("openai"));
        assert_eq!(settings(&[]).default_sink(|_| false), None);
        assert_eq!(Settings::default().default_sink(|_| true), None);
        let unkeyed = Environment::from_pairs([("OPENAI_API_KEY", "")]);
        let unkeyed = Settings::from_environment(&unkeyed).unwrap();
        assert_eq!(unkeyed.default_sink(|_| true), None);
    }

    #[test]
    fn a_named_sink_replaces_the_default() {
        for pair in [
            ("RAAF_TRACE_PROCESSORS", "memory"),
            ("RAAF_TRACE_CONSOLE", "yes"),
            ("RAAF_TRACE_FILE", "out.jsonl"),
            ("RAAF_SKIP_DEFAULT_PROCESSORS", "1"),
        ] {
            assert_eq!(settings(&[pair]).default_sink(|_| true), None, "{pair:?}");
        }
    }

    #[test]
    fn no_default_for_users_of_other_servers() {
        for url in ["", "https://api.openai.com/v1", "https://API.openai.com:443"] {
            let settings = settings(&[("OPENAI_BASE_URL", url)]);
            assert_eq!(settings.default_sink(|_| true), Some("openai"), "{url}");
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
            let settings = settings(&[("OPENAI_BASE_URL", url)]);
            assert_eq!(settings.default_sink(|_| true), None, "{url}");
        }
    }

    #[test]
    fn the_key_is_not_kept() {
        assert!(!format!("{:?}", settings(&[])).contains("sk-secret"));
    }
}
