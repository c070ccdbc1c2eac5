//! Members of a response beside its output.

use serde_json::{Map, Value as Json};

use super::{item::text, usage};
use crate::model::Usage;

/// Members of a response beside its output.
#[derive(Default)]
pub(super) struct Head {
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) status: Option<String>,
    pub(super) incomplete: Option<String>,
    pub(super) conversation: Option<String>,
    pub(super) is_stored: Option<bool>,
    /// True if the server does not report whether an answer was cut.
    pub(super) is_silent: bool,
    pub(super) usage: Option<Usage>,
    pub(super) cost_usd: Option<f64>,
}

impl Head {
    /// Reads the members that are there; others stay.
    pub(super) fn read(&mut self, members: &mut Map<String, Json>) {
        let owned = |name: &str| text(members, name).map(str::to_owned);
        self.id = owned("id").or(self.id.take());
        self.model = owned("model").or(self.model.take());
        self.status = owned("status").or(self.status.take());
        self.is_silent = !members.contains_key("incomplete_details");
        let details = members.get("incomplete_details").and_then(|details| details.get("reason"));
        self.incomplete =
            details.and_then(Json::as_str).map(str::to_owned).or(self.incomplete.take());
        let conversation = members.get("conversation").and_then(|conversation| {
            conversation.as_str().or_else(|| conversation.get("id")?.as_str())
        });
        self.conversation = conversation.map(str::to_owned).or(self.conversation.take());
        self.is_stored = members.get("store").and_then(Json::as_bool).or(self.is_stored);
        if let Some(Json::Object(body)) = members.remove("usage") {
            let body = usage::read(body);
            self.cost_usd = body.cost_usd();
            self.usage = Some(body.into());
        }
    }
}
