//! The scrape endpoint of the Prometheus sink.

#![cfg(feature = "prometheus")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use raaf_processors::{PrometheusError, PrometheusSink};
use raaf_trace_core::{
    Component, Traceable as _, TracerProvider, environment::Environment, provider::BuildError,
};

/// Longer than any test takes; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(60);

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn request(address: SocketAddr, request: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LONG))?;
    stream.write_all(format!("{request} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn serving() -> (TracerProvider, SocketAddr) {
    let sink = PrometheusSink::builder().address(LOOPBACK).build().unwrap();
    let address = sink.handle().address().unwrap();
    (TracerProvider::builder().with(sink).build(), address)
}

fn call(provider: &TracerProvider) {
    provider.run(|| Component::tool("T").in_span("run", || ()));
}

const COUNTED: &str = r#"raaf_spans_total{kind="tool",component="T",status="ok"} 1"#;

#[test]
fn metrics_are_at_their_path_and_nothing_else_is() {
    let (provider, address) = serving();
    call(&provider);
    let answer = request(address, "GET /metrics").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
    assert!(answer.contains(COUNTED), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");

    let head = request(address, "HEAD /metrics").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(request(address, "GET /").unwrap().starts_with("HTTP/1.1 404 "));
    assert!(request(address, "POST /metrics").unwrap().starts_with("HTTP/1.1 405 "));
    assert!(request(address, "GET /metrics HTTP/1.1 too").unwrap().starts_with("HTTP/1.1 400 "));
}

#[test]
fn a_scraper_gets_the_format_and_the_compression_that_it_asks_for() {
    let (provider, address) = serving();
    call(&provider);
    let open = ask(address, "Accept: application/openmetrics-text;version=1.0.0").unwrap();
    let open = String::from_utf8(open).unwrap();
    assert!(open.contains("content-type: application/openmetrics-text; version=1.0.0"), "{open}");
    assert!(open.contains("trace_id=") && open.ends_with("# EOF\n"), "{open}");

    let zipped = ask(address, "Accept-Encoding: gzip").unwrap();
    let end = zipped.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&zipped[..end]);
    assert!(head.contains("content-encoding: gzip") && head.contains("text/plain"), "{head}");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&zipped[end..]).read_to_string(&mut text).unwrap();
    assert!(text.contains(COUNTED), "{text}");
}

/// Scrapes with one more header.
fn ask(address: SocketAddr, header: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LONG))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

#[test]
fn by_name_the_program_is_described_by_opentelemetrys_variables() {
    let free = TcpListener::bind(LOOPBACK).unwrap().local_addr().unwrap().to_string();
    let environment = Environment::from_pairs([
        ("RAAF_TRACE_PROCESSORS", "prometheus"),
        ("RAAF_TRACE_PROMETHEUS_ADDR", free.as_str()),
        ("OTEL_SERVICE_NAME", "desk"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.version=2%2E1,odd"),
    ]);
    let _provider = TracerProvider::builder().environment(&environment).build().unwrap();
    let answer = request(free.parse().unwrap(), "GET /metrics").unwrap();
    let info = answer.lines().find(|line| line.starts_with("target_info{")).unwrap();
    assert!(info.contains(r#"service_name="desk""#), "{info}");
    assert!(info.contains(r#"service_version="2.1""#), "{info}");
}

#[test]
fn the_shutdown_closes_the_endpoint_and_its_port() {
    let (provider, address) = serving();
    request(address, "GET /metrics").unwrap();
    provider.shutdown(LONG).unwrap();
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    let (_, other) = serving();
    assert!(TcpListener::bind(address).is_ok() || other == address);
}

#[test]
fn who_connects_and_says_nothing_keeps_nobody_from_the_metrics() {
    let (provider, address) = serving();
    call(&provider);
    let silent: Vec<_> = (0..8).map(|_| TcpStream::connect(address).unwrap()).collect();
    assert!(request(address, "GET /metrics").unwrap().contains(COUNTED));
    drop(silent);
}

#[test]
fn scrapes_at_once_are_all_answered() {
    let (provider, address) = serving();
    call(&provider);
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| assert!(request(address, "GET /metrics").unwrap().contains(COUNTED)));
        }
    });
}

#[test]
fn an_address_that_is_taken_is_an_error_in_code() {
    let taken = TcpListener::bind(LOOPBACK).unwrap();
    let address = taken.local_addr().unwrap();
    let error = PrometheusSink::builder().address(address).build().unwrap_err();
    assert!(matches!(&error, PrometheusError::Address { .. }));
    let text = error.to_string();
    assert!(text.starts_with(&format!("cannot serve metrics at {address}: ")), "{text}");
}

fn by_name(address: &str) -> Result<TracerProvider, BuildError> {
    let environment = Environment::from_pairs([
        ("RAAF_TRACE_PROCESSORS", "prometheus"),
        ("RAAF_TRACE_PROMETHEUS_ADDR", address),
    ]);
    TracerProvider::builder().environment(&environment).build()
}

#[test]
fn by_name_a_taken_address_is_reported_and_served_once_it_is_free() {
    let taken = TcpListener::bind(LOOPBACK).unwrap();
    let address = taken.local_addr().unwrap();
    let provider = by_name(&address.to_string()).unwrap();
    let error = || provider.stats().processors[0].last_error.clone();
    let said = error().unwrap();
    assert!(said.contains(&address.to_string()), "{said}");
    call(&provider);

    drop(taken);
    let began = Instant::now();
    let answer = loop {
        match request(address, "GET /metrics") {
            Ok(answer) => break answer,
            Err(error) => assert!(began.elapsed() < LONG, "{error}"),
        }
        thread::sleep(Duration::from_millis(20));
    };
    assert!(answer.contains(COUNTED), "{answer}");
    assert_eq!(error(), None);
}

#[test]
fn by_name_a_bad_address_is_an_error_that_says_what_is_right() {
    for (value, shown) in [("9464", "`9464`"), ("localhost:9464", "`localhost:9464`")] {
        assert_eq!(
            by_name(value).unwrap_err().to_string(),
            format!(
                "the sink `prometheus` could not be built: RAAF_TRACE_PROMETHEUS_ADDR is {shown}; \
                 expected an IP address and a port, such as 127.0.0.1:9464"
            )
        );
    }
}

#[test]
fn a_sink_named_in_code_goes_by_the_address_that_is_read_later() {
    // Made twice: the first one has to give back what it holds.
    let free = TcpListener::bind(LOOPBACK).unwrap().local_addr().unwrap().to_string();
    let environment = Environment::from_pairs([("RAAF_TRACE_PROMETHEUS_ADDR", free.as_str())]);
    let builder = || TracerProvider::builder().sink("prometheus").environment(&environment);
    drop(builder().build().unwrap());
    let provider = builder().build().unwrap();
    assert_eq!(provider.stats().processors[0].last_error, None);
    assert!(request(free.parse().unwrap(), "GET /metrics").is_ok());
}

/// Set in the program that the test below starts.
const INSIDE: &str = "IN_A_PROCESS_OF_ITS_OWN";

#[test]
fn the_environment_alone_is_enough() {
    if std::env::var_os(INSIDE).is_some() {
        let guard = raaf_trace_core::init().unwrap();
        call(guard.provider());
        // Until the other side has seen enough.
        io::stdin().read_to_end(&mut Vec::new()).unwrap();
        return guard.shutdown().unwrap();
    }
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["--exact", "the_environment_alone_is_enough", "--nocapture"]);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RAAF_") {
            program.env_remove(name);
        }
    }
    program.env(INSIDE, "1").env("RAAF_TRACE_PROCESSORS", "prometheus");
    program.env("RAAF_TRACE_PROMETHEUS_ADDR", LOOPBACK.to_string());
    program.env("RAAF_DEBUG_CATEGORIES", "export");
    program.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut program = program.spawn().unwrap();
    let stderr = BufReader::new(program.stderr.take().unwrap());
    let mut lines = stderr.lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains("metrics are served at")).unwrap();
    let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap();
    let address = address.parse().unwrap();

    let began = Instant::now();
    while !request(address, "GET /metrics").unwrap().contains(COUNTED) {
        assert!(began.elapsed() < LONG);
    }
    drop(program.stdin.take());
    // Lest the program waits for somebody to read.
    lines.for_each(drop);
    assert!(program.wait().unwrap().success());
}
