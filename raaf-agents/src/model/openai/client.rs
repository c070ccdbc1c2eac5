//! Models that make the calls of a protocol.

/// Implements the common parts of the models of all protocols, for a model whose field `calls` makes its
/// calls.
macro_rules! model_of_calls {
    ($model:ident) => {
        impl $model {
            /// Creates a model on the server at `OPENAI_BASE_URL`, by default `OpenAI`'s own, with the API
            /// key in `OPENAI_API_KEY`.
            ///
            /// # Errors
            ///
            /// If a variable is invalid, or the API key for `OpenAI`'s own server is missing.
            pub fn from_env(name: impl Into<String>) -> Result<Self, ConfigError> {
                Self::builder(name).environment(&Environment::process())?.build()
            }

            /// Returns the profile of the server.
            pub fn profile(&self) -> &Profile {
                &self.calls.model().endpoint.profile
            }

            /// Returns the server's URL.
            pub fn base_url(&self) -> &str {
                &self.calls.model().endpoint.base_url
            }
        }

        #[async_trait]
        impl Model for $model {
            fn name(&self) -> &str {
                self.calls.name()
            }

            fn provider(&self) -> Option<&str> {
                self.calls.provider()
            }

            fn url(&self) -> Option<&str> {
                self.calls.url()
            }

            async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
                self.calls.respond(request).await
            }

            fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
                self.calls.stream(request)
            }
        }
    };
}

pub(super) use model_of_calls;
