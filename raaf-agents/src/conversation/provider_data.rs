//! Data of a provider that only the provider understands.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// Fields that a provider sent and expects back, such as signatures and encrypted reasoning.
///
/// They are stored unchanged and sent back to their origin only: another server would reject them or,
/// worse, read them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProviderData {
    /// Origin of the fields, such as the host and port of the server.
    pub origin: String,
    /// The fields, by the names that the provider gave them.
    pub fields: Map<String, Json>,
}

impl ProviderData {
    /// Creates data of a provider; `None` without fields.
    pub fn new(
        origin: impl Into<String>,
        fields: impl IntoIterator<Item = (String, Json)>,
    ) -> Option<Self> {
        let fields: Map<_, _> = fields.into_iter().collect();
        (!fields.is_empty()).then(|| Self::from_fields(origin, fields))
    }

    /// Creates data of a provider, even without fields.
    pub(crate) fn from_fields(origin: impl Into<String>, fields: Map<String, Json>) -> Self {
        Self { origin: origin.into(), fields }
    }

    /// Returns the fields if they came from this origin.
    pub fn fields_for(&self, origin: &str) -> Option<&Map<String, Json>> {
        (self.origin == origin).then_some(&self.fields)
    }
}
