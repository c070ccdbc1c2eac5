//! Component kinds.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

use crate::type_name::short_type_name;

macro_rules! kinds {
    ($($(#[$attribute:meta])* $variant:ident = $word:literal,)*) => {
        /// Kind of a component. Any string can be one; those with a meaning for the library have a
        /// variant.
        ///
        /// A known string always becomes its variant:
        ///
        /// ```
        /// # use raaf_trace_core::Kind;
        /// assert_eq!(Kind::from("agent"), Kind::Agent);
        /// assert_eq!(Kind::from("processor").as_str(), "processor");
        /// ```
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$attribute])* $variant,)*
            /// A user-defined kind; created by `Kind::from("name")`.
            Other(OtherKind),
        }

        impl Kind {
            /// Kinds that have a variant.
            pub const KNOWN: &[Self] = &[$(Self::$variant),*];

            /// Returns the kind as spans, names and sinks show it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(OtherKind(word)) => word,
                }
            }

            fn known(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// A pipeline: components that run in order.
    Pipeline = "pipeline",
    /// An agent: a model with instructions and tools.
    Agent = "agent",
    /// A runner, which drives an agent's turns.
    Runner = "runner",
    /// A tool: a function that a model can call.
    Tool = "tool",
    /// A call of a language model.
    Llm = "llm",
    /// A hand-off from one agent to another.
    Handoff = "handoff",
    /// A guardrail: a check of an agent's input or output.
    Guardrail = "guardrail",
    /// A response of OpenAI's Responses API.
    Response = "response",
    /// A listing of the tools of a Model Context Protocol server.
    McpListTools = "mcp_list_tools",
    /// A group of related speech syntheses.
    SpeechGroup = "speech_group",
    /// Text to speech.
    Speech = "speech",
    /// Speech to text.
    Transcription = "transcription",
    /// A background job.
    Job = "job",
    /// Any other part of a program; the default.
    #[default]
    Component = "component",
    /// A named workflow that encloses everything that runs in it.
    Trace = "trace",
    /// An operation without a component, named by the user.
    Custom = "custom",
    /// Internal work of the library or of a framework.
    Internal = "internal",
}

/// A kind without a meaning for the library; see [`Kind::Other`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OtherKind(SmolStr);

impl Kind {
    /// Returns the length of a kind without a variant, in bytes; 0 for the others, which no limit
    /// cuts.
    #[doc(hidden)]
    pub fn custom_len(&self) -> usize {
        match self {
            Self::Other(OtherKind(word)) => word.len(),
            _ => 0,
        }
    }

    /// Returns the kind that the suffix of a type's name implies: `…Agent`, `…Pipeline`, `…Runner`,
    /// `…Tool`, `…Job`, otherwise [`Component`](Self::Component). Ignores module path and generic
    /// parameters.
    ///
    /// ```
    /// # use raaf_trace_core::Kind;
    /// assert_eq!(Kind::from_type_name("my_app::WebSearchTool<Client>"), Kind::Tool);
    /// assert_eq!(Kind::from_type_name("my_app::Reagent"), Kind::Component);
    /// ```
    pub fn from_type_name(type_name: &str) -> Self {
        let name = short_type_name(type_name);
        [
            ("Agent", Self::Agent),
            ("Pipeline", Self::Pipeline),
            ("Runner", Self::Runner),
            ("Tool", Self::Tool),
            ("Job", Self::Job),
        ]
        .into_iter()
        .find_map(|(suffix, kind)| name.ends_with(suffix).then_some(kind))
        .unwrap_or_default()
    }
}

/// Converts a string; an empty one becomes [`Kind::Component`].
impl From<&str> for Kind {
    fn from(word: &str) -> Self {
        match word.trim() {
            "" => Self::default(),
            word => Self::known(word).unwrap_or_else(|| Self::Other(OtherKind(word.into()))),
        }
    }
}

impl From<String> for Kind {
    fn from(word: String) -> Self {
        word.as_str().into()
    }
}

impl PartialEq<str> for Kind {
    fn eq(&self, word: &str) -> bool {
        self.as_str() == word
    }
}

impl PartialEq<&str> for Kind {
    fn eq(&self, word: &&str) -> bool {
        self.as_str() == *word
    }
}

impl AsRef<str> for Kind {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g2_kind_follows_the_type_name() {
        for (type_name, kind) in [
            ("ResearchAgent", Kind::Agent),
            ("a::b::MarketPipeline", Kind::Pipeline),
            ("a::AgentRunner<a::Agent>", Kind::Runner),
            ("my::mod::WebSearchTool<T>", Kind::Tool),
            ("&a::NightlyJob", Kind::Job),
            ("Agent", Kind::Agent),
            ("a::Embedder<a::WebSearchTool>", Kind::Component),
            ("a::AgentPool", Kind::Component),
            ("Reagent", Kind::Component),
            ("", Kind::Component),
        ] {
            assert_eq!(Kind::from_type_name(type_name), kind, "{type_name}");
        }
    }

    #[test]
    fn g3_any_word_can_be_a_kind() {
        let kind = Kind::from("processor");
        assert_eq!(kind, "processor");
        assert_eq!(kind.to_string(), "processor");
        assert_eq!(kind, Kind::from(String::from(" processor ")));
        assert_ne!(kind, Kind::from("Processor"));
        assert_eq!(Kind::from(""), Kind::Component);
    }

    #[test]
    fn g3_known_words_are_their_variants() {
        for kind in Kind::KNOWN {
            assert_eq!(Kind::from(kind.as_str()), *kind);
            assert!(!matches!(Kind::from(kind.as_str()), Kind::Other(_)));
        }
        assert_eq!(Kind::KNOWN.len(), 17);
        assert_eq!(Kind::from("mcp_list_tools"), Kind::McpListTools);
    }

    #[test]
    fn a_kind_is_as_small_as_a_string() {
        assert_eq!(size_of::<Kind>(), size_of::<String>());
    }

    #[test]
    fn serde_uses_the_word() {
        for kind in [Kind::SpeechGroup, Kind::from("a rather long word of the user's own")] {
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
            assert_eq!(serde_json::from_str::<Kind>(&json).unwrap(), kind);
        }
    }
}
