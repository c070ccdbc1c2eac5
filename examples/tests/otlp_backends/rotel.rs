//! A collector takes what is sent, and passes it on unchanged.

use std::{
    error::Error,
    io::{self, Read as _},
    sync::Arc,
};

use flate2::read::GzDecoder;
use raaf_processors::{OtlpProtocol, OtlpSink};
use raaf_testkit::{assert_coherent, read};
use raaf_trace_core::{FinishedSpan, Kind, SpanExporter as _};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use super::{
    LONG,
    python::{self, Program},
    server::{Answer, Request, Server},
    workflow,
};

const PROGRAM: Program =
    Program { variable: "RAAF_ROTEL", package: "rotel", file: "rotel/rotel-agent" };

struct Rotel {
    url: String,
    grpc_url: String,
    /// Ends with the test, and so do the files that it keeps.
    _process: Child,
    _folder: tempfile::TempDir,
}

impl Rotel {
    /// A collector that passes on to that address; else why it cannot be had.
    async fn start(to: &str) -> Result<Self, String> {
        let program = PROGRAM.find().await?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (http, grpc) = (python::free_address().await?, python::free_address().await?);
        let mut command = Command::new(program);
        command
            .args(["start", "--exporter", "otlp", "--otlp-exporter-protocol", "http"])
            .args(["--otlp-exporter-endpoint", to, "--batch-timeout", "10ms"])
            .args(["--otlp-http-endpoint", &http.to_string()])
            .args(["--otlp-grpc-endpoint", &grpc.to_string()])
            .arg("--pid-file")
            .arg(folder.path().join("pid"))
            .arg("--log-file")
            .arg(folder.path().join("log"));
        let mut process = python::start(&mut command)?;
        for address in [http, grpc] {
            let is_up = || async { TcpStream::connect(address).await.is_ok() };
            python::comes_up(&mut process, is_up).await?;
        }
        let (url, grpc_url) = (format!("http://{http}"), format!("http://{grpc}"));
        Ok(Self { url, grpc_url, _process: process, _folder: folder })
    }
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stderr, reason = "who reads the log has to see that nothing was tested")]
async fn a_collector_passes_everything_on() -> Result<(), Box<dyn Error>> {
    let behind = Server::start(Answer::status(200));
    let collector = match Rotel::start(&behind.url()).await {
        Ok(collector) => collector,
        Err(reason) => {
            eprintln!("skipped, there is no rotel: {reason}");
            return Ok(());
        }
    };
    // What the sink sends to a receiver of ours is what the collector has to pass on.
    let direct = Server::start(Answer::status(200));
    workflow::run(OtlpSink::builder().endpoint(direct.url()).gzip(false).build()?).await?;
    let sent = read::otlp(&direct.requests()[0].body)?;
    let http = OtlpSink::builder().endpoint(&collector.url);
    let grpc = OtlpSink::builder().protocol(OtlpProtocol::Grpc).endpoint(&collector.grpc_url);
    let sinks = [http.gzip(true).build()?, grpc.clone().gzip(true).build()?, grpc.build()?];
    let behind = Arc::new(behind);
    for (requests, sink) in (1..).zip(sinks) {
        workflow::run(sink).await?;
        let passed = read::otlp(&body(&passed(&behind, requests).await?[requests - 1])?)?;
        assert_coherent!(passed);
        assert_eq!(shape(&passed)?, shape(&sent)?);
    }
    takes_more_than_a_message_holds(&collector, &behind).await
}

/// A batch that exceeds the size limit of a gRPC message arrives in parts.
async fn takes_more_than_a_message_holds(
    collector: &Rotel,
    behind: &Arc<Server>,
) -> Result<(), Box<dyn Error>> {
    let before = behind.requests().len();
    let text = "x".repeat(1_000_000);
    let span = |number: usize| FinishedSpan::builder(Kind::Job, format!("large {number}"));
    let batch: Vec<_> =
        (0..10).map(|number| span(number).attribute("text", text.as_str()).build()).collect();
    let grpc = OtlpSink::builder().protocol(OtlpProtocol::Grpc).endpoint(&collector.grpc_url);
    grpc.build()?.export(&batch)?;
    let mut spans = 0;
    for requests in before + 1.. {
        let request = &passed(behind, requests).await?[requests - 1];
        spans += read::otlp(&body(request)?)?.as_written().len();
        if spans == batch.len() {
            break;
        }
    }
    Ok(())
}

/// The first requests that the collector passed on.
async fn passed(behind: &Arc<Server>, requests: usize) -> Result<Vec<Request>, Box<dyn Error>> {
    let behind = Arc::clone(behind);
    let waiting = tokio::task::spawn_blocking(move || behind.wait_for(requests));
    Ok(tokio::time::timeout(LONG, waiting).await??)
}

fn body(request: &Request) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    GzDecoder::new(&*request.body).read_to_end(&mut body)?;
    Ok(body)
}

/// The tree with what every span says, but for what differs from run to run.
fn shape(read: &read::ReadSpans) -> Result<String, io::Error> {
    if !read.faults().is_empty() {
        return Err(io::Error::other(format!("{:?}", read.faults())));
    }
    let mut said: Vec<String> = read
        .as_written()
        .iter()
        .map(|span| {
            let attributes: Vec<_> = span.attributes().stored().iter().collect();
            let mut attributes: Vec<_> =
                attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
            attributes.sort();
            let events: Vec<_> = span.events().map(raaf_trace_core::span::Event::name).collect();
            format!("{} {} {attributes:?} {events:?}", span.name(), span.status())
        })
        .collect();
    said.sort();
    Ok(format!("{}\n{}", read.spans(), said.join("\n")))
}
