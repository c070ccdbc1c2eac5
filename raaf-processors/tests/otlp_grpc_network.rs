//! The `otlp` sink over gRPC by TLS, through a proxy, and in a forked child.

#![cfg(feature = "otlp-grpc")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod grpc_server;
#[path = "server/mod.rs"]
mod http_server;

use std::{
    io::{BufRead as _, BufReader, Write as _, copy},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use raaf_processors::{OtlpBuilder, OtlpProtocol, OtlpSink};
use raaf_trace_core::{
    FinishedSpan, Kind, SpanExporter as _, environment::Environment, sink::ExportError,
};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};

use grpc_server::{Answer, Server};

/// Path of a certificate or key for tests.
macro_rules! path {
    ($name:literal) => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls/", $name)
    };
}

const TRUSTED: (&str, &str) = ("OTEL_EXPORTER_OTLP_CERTIFICATE", path!("authority.pem"));

/// A server by TLS, which may ask for the client's certificate.
fn secure(asks: bool) -> Server {
    let config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap();
    let config = if asks {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(path!("authority.pem")).unwrap()).unwrap();
        config
            .with_client_cert_verifier(WebPkiClientVerifier::builder(roots.into()).build().unwrap())
    } else {
        config.with_no_client_auth()
    };
    let certificates = vec![CertificateDer::from_pem_file(path!("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(path!("server-key.pem")).unwrap();
    Server::with_tls(config.with_single_cert(certificates, key).unwrap())
}

/// A builder that knows these variables alone.
fn grpc(url: &str, variables: &[(&str, &str)]) -> OtlpBuilder {
    let environment = Environment::from_pairs(variables.iter().copied());
    let sink = OtlpSink::builder().protocol(OtlpProtocol::Grpc).endpoint(url);
    sink.environment(&environment).unwrap()
}

fn export(sink: OtlpBuilder) -> Result<(), ExportError> {
    sink.build().unwrap().export(&[FinishedSpan::builder(Kind::Job, "j").build()])
}

#[test]
fn a_private_authority_is_trusted_where_it_is_named() {
    let server = secure(false);
    for variables in [TRUSTED, ("SSL_CERT_FILE", TRUSTED.1)] {
        export(grpc(&server.url(), &[variables])).unwrap();
    }
    let pem = std::fs::read(TRUSTED.1).unwrap();
    export(grpc(&server.url(), &[]).root_certificates(pem)).unwrap();
    assert_eq!(server.calls().len(), 3);
    let error = export(grpc(&server.url(), &[])).unwrap_err();
    assert!(!error.is_retryable());
    let expected = "has a certificate of an unknown issuer";
    assert!(error.to_string().contains(expected), "{error}");
    assert!(error.to_string().contains("set OTEL_EXPORTER_OTLP_CERTIFICATE"), "{error}");
}

#[test]
fn a_server_that_asks_gets_the_clients_certificate() {
    let server = secure(true);
    let certificate = ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", path!("client.pem"));
    let key = ("OTEL_EXPORTER_OTLP_CLIENT_KEY", path!("client-key.pem"));
    export(grpc(&server.url(), &[TRUSTED, certificate, key])).unwrap();
    assert!(export(grpc(&server.url(), &[TRUSTED])).is_err());
    assert_eq!(server.calls().len(), 1);
}

/// Starts a proxy that connects every tunnel to `server`; returns its URL and what it was asked.
fn proxy(server: &Server) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (heads, to) = (Arc::default(), server.address());
    let asked: Arc<Mutex<Vec<String>>> = Arc::clone(&heads);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let mut reader = BufReader::new(client.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                reader.read_line(&mut head).unwrap();
            }
            asked.lock().unwrap().push(head);
            let mut client = client;
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
            let server = TcpStream::connect(to).unwrap();
            let mut to = server.try_clone().unwrap();
            thread::spawn(move || copy(&mut reader, &mut to));
            thread::spawn(move || copy(&mut &server, &mut client));
        }
    });
    (url, heads)
}

#[test]
fn a_proxy_is_a_tunnel() {
    let server = Server::start(Answer::default());
    let (url, heads) = proxy(&server);
    let url = url.replace("http://", "http://me:p%40ss@");
    let variables = [("HTTP_PROXY", &*url)];
    export(grpc("http://collector.example:4317", &variables)).unwrap();
    assert_eq!(server.calls().len(), 1);
    assert_eq!(
        *heads.lock().unwrap(),
        ["CONNECT collector.example:4317 HTTP/1.1\r\nHost: collector.example:4317\r\n\
          Proxy-Authorization: Basic bWU6cEBzcw==\r\n\r\n"]
    );
}

#[test]
fn a_proxy_that_refuses_or_cannot_be_used_is_named() {
    for (status, again) in [(407, false), (503, true)] {
        let proxy = http_server::Server::start(http_server::Answer::status(status));
        let variables = [("ALL_PROXY", &*proxy.url())];
        let error = export(grpc("https://collector.example", &variables)).unwrap_err();
        assert_eq!(error.is_retryable(), again, "{error}");
        for part in [proxy.url(), status.to_string()] {
            assert!(error.to_string().contains(&part), "{error}");
        }
    }
    let error = export(grpc("http://collector.example", &[("ALL_PROXY", "socks5://h:1")]));
    let error = error.unwrap_err();
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("(through the proxy socks5://h:1): gRPC goes"), "{error}");
}

#[cfg(unix)]
#[test]
fn l10_a_child_has_a_connection_of_its_own() {
    use fork::{Fork, fork, waitpid};

    let server = Server::start(Answer::default());
    let sink = grpc(&server.url(), &[]).build().unwrap();
    let one = [FinishedSpan::builder(Kind::Job, "j").build()];
    sink.export(&one).unwrap();
    match fork().unwrap() {
        Fork::Child => std::process::exit(i32::from(sink.export(&one).is_err())),
        Fork::Parent(child) => assert_eq!(waitpid(child).unwrap(), 0, "the child failed"),
    }
    sink.export(&one).unwrap();
    assert_eq!((server.calls().len(), server.connections()), (3, 2));
}
