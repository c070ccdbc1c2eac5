//! A collector takes what is sent, and passes it on unchanged.

use std::{
    error::Error,
    io::{self, Read as _},
};

use flate2::read::GzDecoder;
use raaf_processors::OtlpSink;
use raaf_testkit::{assert_coherent, read};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use super::{
    LONG,
    python::{self, Program},
    server::{Answer, Server},
    workflow,
};

const PROGRAM: Program =
    Program { variable: "RAAF_ROTEL", package: "rotel", file: "rotel/rotel-agent" };

struct Rotel {
    url: String,
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
        let is_up = || async { TcpStream::connect(http).await.is_ok() };
        python::comes_up(&mut process, is_up).await?;
        Ok(Self { url: format!("http://{http}"), _process: process, _folder: folder })
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
    let sink = |url: String| OtlpSink::builder().endpoint(url).gzip(false).build();
    workflow::run(sink(direct.url())?).await?;
    workflow::run(OtlpSink::builder().endpoint(&collector.url).gzip(true).build()?).await?;

    let passed = tokio::time::timeout(LONG, async {
        tokio::task::spawn_blocking(move || behind.wait_for(1)).await
    });
    let passed = passed.await??;
    let mut body = Vec::new();
    GzDecoder::new(&*passed[0].body).read_to_end(&mut body)?;
    let (passed, sent) = (read::otlp(&body)?, read::otlp(&direct.requests()[0].body)?);
    assert_coherent!(passed);
    assert_eq!(shape(&passed)?, shape(&sent)?);
    Ok(())
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
