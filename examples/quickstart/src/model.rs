//! Chooses the model.

use std::{env, sync::Arc};

use raaf_agents::Model;

use crate::offline_model;

/// The model could not be set up.
#[cfg(feature = "openai")]
pub type ConfigError = raaf_agents::openai::ConfigError;
#[cfg(not(feature = "openai"))]
pub type ConfigError = std::convert::Infallible;

/// Returns the model that the environment names, otherwise the embedded one.
#[cfg_attr(
    not(feature = "openai"),
    expect(clippy::unnecessary_wraps, reason = "only a real model can be set up wrong")
)]
pub fn choose() -> Result<Arc<dyn Model>, ConfigError> {
    let is_set = |variable| env::var_os(variable).is_some_and(|value| !value.is_empty());
    if is_set("OPENAI_API_KEY") || is_set("OPENAI_BASE_URL") {
        #[cfg(feature = "openai")]
        return named();
        #[cfg(not(feature = "openai"))]
        eprintln!("note: using the embedded model; `--features openai` uses the one of OPENAI_*");
    }
    Ok(Arc::new(offline_model::new()))
}

#[cfg(feature = "openai")]
fn named() -> Result<Arc<dyn Model>, ConfigError> {
    let name = env::var("OPENAI_MODEL").ok().filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| "gpt-4o-mini".to_owned());
    Ok(Arc::new(raaf_agents::OpenAiModel::from_env(name)?))
}
