//! Keys of OpenTelemetry's conventions for HTTP and RPC that `raaf_trace_core::keys` does not have.

pub(crate) const CLIENT_ADDRESS: &str = "client.address";
pub(crate) const METHOD_ORIGINAL: &str = "http.request.method_original";
#[cfg(feature = "reqwest-middleware")]
pub(crate) const RESEND_COUNT: &str = "http.request.resend_count";
pub(crate) const RESPONSE_BODY_SIZE: &str = "http.response.body.size";
pub(crate) const ROUTE: &str = "http.route";
pub(crate) const PROTOCOL_VERSION: &str = "network.protocol.version";
pub(crate) const RPC_METHOD: &str = "rpc.method";
pub(crate) const RPC_STATUS_CODE: &str = "rpc.response.status_code";
pub(crate) const RPC_SYSTEM: &str = "rpc.system.name";
pub(crate) const SCHEME: &str = "url.scheme";
pub(crate) const PATH: &str = "url.path";
pub(crate) const QUERY: &str = "url.query";
pub(crate) const USER_AGENT: &str = "user_agent.original";
