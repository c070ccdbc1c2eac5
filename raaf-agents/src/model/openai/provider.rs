//! Providers of models, by the host of their server.

/// Providers as OpenTelemetry names them, by their domains. The first that matches applies.
const DOMAINS: &[(&str, &str)] = &[
    ("openai.azure.com", "azure.ai.openai"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("models.ai.azure.com", "azure.ai.inference"),
    ("api.openai.com", "openai"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("ml.cloud.ibm.com", "ibm.watsonx.ai"),
    ("api.cohere.ai", "cohere"),
    ("api.cohere.com", "cohere"),
    ("api.deepseek.com", "deepseek"),
    ("api.groq.com", "groq"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.moonshot.ai", "moonshot_ai"),
    ("api.moonshot.cn", "moonshot_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
];

/// Returns the provider whose server has this host; the host itself if the provider is unknown.
pub(super) fn of_host(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    let is_below = |domain: &str| {
        // `us-central1-aiplatform.googleapis.com` has a region before a hyphen.
        host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with(['.', '-']))
    };
    if host.starts_with("bedrock") && host.ends_with(".amazonaws.com") {
        return "aws.bedrock".to_owned();
    }
    let known = DOMAINS.iter().find(|(domain, _)| is_below(domain));
    known.map_or(host.clone(), |(_, provider)| (*provider).to_owned())
}

#[cfg(test)]
mod tests {
    use super::of_host;

    #[test]
    fn the_provider_is_that_of_the_server() {
        for (host, provider) in [
            ("api.openai.com", "openai"),
            ("eu.API.openai.com", "openai"),
            ("mine.openai.azure.com", "azure.ai.openai"),
            ("us-central1-aiplatform.googleapis.com", "gcp.vertex_ai"),
            ("bedrock-runtime.eu-central-1.amazonaws.com", "aws.bedrock"),
            ("api.groq.com", "groq"),
            ("notapi.openai.com", "notapi.openai.com"),
            ("api.openai.com.example.org", "api.openai.com.example.org"),
            ("bedrock.example.org", "bedrock.example.org"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(of_host(host), provider);
        }
    }
}
