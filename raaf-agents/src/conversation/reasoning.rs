//! Reasoning of a model.

use serde::{Deserialize, Serialize};

use super::ProviderData;

/// Reasoning that came before an answer or a tool call.
///
/// A provider sends the text, a summary, a form that only it can read ([`ProviderData`]), or several
/// of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Reasoning {
    /// The text; empty if the provider keeps it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The provider's summary of a text that it keeps; empty if there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// The field of the message in which the provider sent the text, such as `reasoning_content`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Signatures and encrypted forms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_data: Option<ProviderData>,
}

impl Reasoning {
    /// Creates reasoning from its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Returns the text, otherwise the summary; empty if neither is readable.
    pub fn readable(&self) -> &str {
        if self.text.is_empty() { &self.summary } else { &self.text }
    }
}
