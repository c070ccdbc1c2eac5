//! A tool as a step: which part of the state it is called with, and where its result goes.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use serde_json::{Map, Value as Json};

use super::{Contract, Flow, Keys, State, Step, StepError};
use crate::tool::{FunctionTool, Tool, ToolExt as _};

/// A tool as a pipeline's step; see [`FunctionTool::reads`] and [`step`](fn@crate::step).
///
/// Its arguments are the values that the state has under their names. Without a word from
/// [`reads`](Self::reads) these are the properties of its schema, of which the optional ones may be
/// missing. Its result goes under its name.
#[derive(Clone)]
pub struct ToolStep {
    tool: Arc<dyn Tool>,
    reads: Option<Keys>,
    writes: String,
}

impl ToolStep {
    pub(super) fn new(tool: impl Tool + 'static) -> Self {
        let writes = tool.spec().name.clone();
        Self { tool: Arc::new(tool), reads: None, writes }
    }

    /// The keys whose values are its arguments, each under its own name; all have to be there. To
    /// give them other names, see [`FlowExt::map_input`](crate::FlowExt::map_input).
    #[must_use]
    pub fn reads(mut self, keys: impl Into<Keys>) -> Self {
        self.reads = Some(keys.into());
        self
    }

    /// The key that its result is put under.
    #[must_use]
    pub fn writes(mut self, key: impl Into<String>) -> Self {
        self.writes = key.into();
        self
    }

    /// The keys that have to be there.
    fn required(&self) -> Vec<String> {
        if let Some(keys) = &self.reads {
            return keys.as_slice().to_vec();
        }
        let required = self.tool.spec().parameters.get("required").and_then(Json::as_array);
        let names = required.into_iter().flatten().filter_map(Json::as_str);
        names.map(str::to_owned).collect()
    }

    fn arguments(&self, state: &State) -> Result<Json, StepError> {
        let mut arguments = Map::new();
        for key in self.required() {
            let value = state.value(&key)?.clone();
            arguments.insert(key, value);
        }
        if self.reads.is_none() {
            let properties = self.tool.spec().parameters.get("properties");
            let names = properties.and_then(Json::as_object).into_iter().flat_map(Map::keys);
            for key in names {
                if let Ok(value) = state.value(key) {
                    arguments.insert(key.clone(), value.clone());
                }
            }
        }
        Ok(Json::Object(arguments))
    }
}

#[async_trait]
impl Step for ToolStep {
    fn name(&self) -> &str {
        &self.tool.spec().name
    }

    fn contract(&self) -> Contract {
        Contract::new().requires(self.required()).provides(&*self.writes)
    }

    async fn run(&self, mut state: State) -> Result<State, StepError> {
        let result = self.tool.call(self.arguments(&state)?).await?;
        state.set(&self.writes, result);
        Ok(state)
    }
}

impl FunctionTool {
    /// As a pipeline's step that is called with the values that the state has under these keys.
    pub fn reads(&self, keys: impl Into<Keys>) -> ToolStep {
        ToolStep::new(self.clone()).reads(keys)
    }

    /// As a pipeline's step that puts its result under that key.
    pub fn writes(&self, key: impl Into<String>) -> ToolStep {
        ToolStep::new(self.clone()).writes(key)
    }
}

impl From<FunctionTool> for Flow {
    fn from(tool: FunctionTool) -> Self {
        ToolStep::new(tool).into()
    }
}

impl fmt::Debug for ToolStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolStep")
            .field("tool", &self.tool.spec().name)
            .field("reads", &self.reads)
            .field("writes", &self.writes)
            .finish()
    }
}
