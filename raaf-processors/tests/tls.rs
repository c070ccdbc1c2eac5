//! Requests of the sinks that send, to servers with certificates of a private authority.

#![cfg(all(feature = "openai", feature = "otlp"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
    thread,
};

use raaf_processors::{OpenAiSink, OtlpBuilder, OtlpSink};
use raaf_trace_core::{
    FinishedSpan, Kind, SpanExporter, environment::Environment, sink::ExportError,
};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};

/// Path of a certificate or key for tests.
macro_rules! path {
    ($name:literal) => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls/", $name)
    };
}

const AUTHORITY: &str = include_str!("data/tls/authority.pem");
const CLIENT: [&str; 2] =
    [include_str!("data/tls/client.pem"), include_str!("data/tls/client-key.pem")];

/// Starts a server that accepts every request, if its client identifies itself where that is asked.
/// Returns its URL.
fn server(asks: bool) -> String {
    let certificates = vec![CertificateDer::from_pem_file(path!("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(path!("server-key.pem")).unwrap();
    let config = ServerConfig::builder();
    let config = if asks {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).unwrap()).unwrap();
        config
            .with_client_cert_verifier(WebPkiClientVerifier::builder(roots.into()).build().unwrap())
    } else {
        config.with_no_client_auth()
    };
    let config = Arc::new(config.with_single_cert(certificates, key).unwrap());
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    // The thread ends with the test.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut reader = BufReader::new(StreamOwned::new(connection, stream));
            let head: Result<Vec<_>, _> = reader
                .by_ref()
                .lines()
                .take_while(|line| line.as_ref().map_or(true, |line| !line.is_empty()))
                .collect();
            // The client may have ended the handshake.
            let Ok(head) = head else { continue };
            let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
            let length = length.and_then(|length| length.parse().ok()).unwrap_or_default();
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let reply = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            reader.get_mut().write_all(reply).unwrap();
        }
    });
    url
}

/// A builder that knows these variables alone.
fn otlp(url: &str, variables: &[(&str, &str)]) -> OtlpBuilder {
    let environment = Environment::from_pairs(variables.iter().copied());
    OtlpSink::builder().endpoint(url).environment(&environment).unwrap()
}

fn export(sink: &impl SpanExporter) -> Result<(), ExportError> {
    sink.export(&[FinishedSpan::builder(Kind::Job, "j").build()])
}

#[test]
fn a_private_authority_is_trusted_where_it_is_named() {
    let url = server(false);
    for variable in
        ["OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "SSL_CERT_FILE"]
    {
        let sink = otlp(&url, &[(variable, path!("authority.pem"))]).build().unwrap();
        assert_eq!(export(&sink), Ok(()), "{variable}");
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("any.pem"), AUTHORITY).unwrap();
    let variables = [("SSL_CERT_DIR", directory.path().to_str().unwrap())];
    export(&otlp(&url, &variables).build().unwrap()).unwrap();
    export(&otlp(&url, &[]).root_certificates(AUTHORITY).build().unwrap()).unwrap();

    let environment = Environment::from_pairs([("SSL_CERT_FILE", path!("authority.pem"))]);
    let sink = OpenAiSink::builder().api_key("sk-1").base_url(url);
    export(&sink.environment(&environment).unwrap().build().unwrap()).unwrap();
}

#[test]
fn an_unknown_issuer_is_told_with_what_to_set_and_tried_once() {
    let url = server(false);
    let error = export(&otlp(&url, &[]).build().unwrap()).unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    assert_eq!(
        error.to_string(),
        format!(
            "{url} has a certificate of an unknown issuer (invalid peer certificate: UnknownIssuer); \
             if it is the right server, set OTEL_EXPORTER_OTLP_CERTIFICATE or SSL_CERT_FILE to a file \
             with the issuer's certificate in PEM"
        )
    );
    let sink = OpenAiSink::builder().api_key("sk-1").base_url(url);
    let error = export(&sink.environment(&Environment::empty()).unwrap().build().unwrap());
    assert!(error.unwrap_err().to_string().contains(", set SSL_CERT_FILE to a file"));
}

#[test]
fn an_authority_that_is_named_is_the_only_one() {
    let url = server(false);
    // Not the authority, but a certificate all the same.
    let sink =
        otlp(&url, &[("SSL_CERT_FILE", path!("authority.pem"))]).root_certificates(CLIENT[0]);
    assert!(export(&sink.build().unwrap()).is_err());
}

#[test]
fn a_server_that_asks_gets_the_clients_certificate() {
    let url = server(true);
    let trusted = ("OTEL_EXPORTER_OTLP_CERTIFICATE", path!("authority.pem"));
    let certificate = ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", path!("client.pem"));
    let key = ("OTEL_EXPORTER_OTLP_CLIENT_KEY", path!("client-key.pem"));
    export(&otlp(&url, &[trusted, certificate, key]).build().unwrap()).unwrap();
    let sink = otlp(&url, &[trusted]).client_certificate(CLIENT[0], CLIENT[1]);
    export(&sink.build().unwrap()).unwrap();
    // What cannot be used counts as not set.
    for missing in
        [vec![trusted], vec![trusted, certificate], vec![trusted, certificate, (key.0, "/")]]
    {
        assert!(export(&otlp(&url, &missing).build().unwrap()).is_err());
    }
}

#[test]
fn certificates_that_cannot_be_used_are_errors_of_build() {
    let builder = OtlpSink::builder;
    for wrong in [
        builder().root_certificates("no PEM"),
        builder().root_certificates(CLIENT[1]),
        builder().client_certificate(CLIENT[0], "no PEM"),
        builder().client_certificate(CLIENT[0], include_str!("data/tls/server-key.pem")),
        builder().client_certificate("", CLIENT[1]),
    ] {
        let error = wrong.build().unwrap_err().to_string();
        assert!(error.contains("cannot be used; expected PEM"), "{error}");
    }
}

#[test]
fn a_server_without_tls_is_named_with_the_remedy_and_tried_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    let error = export(&otlp(&url, &[]).build().unwrap()).unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    assert!(error.to_string().contains(&format!("{url} does not use TLS")), "{error}");
    assert!(error.to_string().contains("expected http://"), "{error}");
}
