//! Forms of the protocol.

/// Form of OpenTelemetry's protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OtlpProtocol {
    /// Protobuf over HTTP, `http/protobuf` in variables.
    #[default]
    HttpProtobuf,
    /// Protobuf over gRPC, `grpc` in variables. Needs the feature `otlp-grpc`.
    #[cfg(feature = "otlp-grpc")]
    Grpc,
}

impl OtlpProtocol {
    /// Description of the valid values of the variable.
    pub(super) const EXPECTED: &str = if cfg!(feature = "otlp-grpc") {
        "http/protobuf or grpc"
    } else {
        "http/protobuf, or grpc with the feature `otlp-grpc` of raaf-processors"
    };

    pub(super) fn parse(word: &str) -> Option<Self> {
        #[cfg(feature = "otlp-grpc")]
        if word.eq_ignore_ascii_case("grpc") {
            return Some(Self::Grpc);
        }
        word.eq_ignore_ascii_case("http/protobuf").then_some(Self::HttpProtobuf)
    }
}
