//! System prompts.

use std::{borrow::Cow, sync::Arc};

use crate::run::RunContext;

#[derive(Clone)]
pub(crate) enum Instructions {
    Text(String),
    Function(Arc<dyn Fn(&RunContext) -> String + Send + Sync>),
}

impl Instructions {
    pub(crate) fn text(&self, context: &RunContext) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Function(function) => Cow::Owned(function(context)),
        }
    }
}
