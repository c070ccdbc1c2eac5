//! How many spans a second leave by OpenTelemetry's protocol: the `otlp` sink beside
//! `opentelemetry-otlp`, the same spans, in the same batches, to the same server on loopback.
//!
//! `cargo run --release -p raaf-benches --bin otlp` prints the medians. A span counts once the
//! server has it, and a round in which one is missing is an error.
//!
//! `… --bin otlp -- million` sends a million spans of eight threads instead, ours alone, as fast as
//! they can be made and under a queue that is soon full: what becomes of each, and how much memory
//! the process needs. One that neither arrived nor was counted is an error.

use std::{
    error::Error,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use cpu_time::ProcessTime;
use opentelemetry::{
    KeyValue,
    trace::{Span as _, Tracer as _, TracerProvider as _},
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use prost::Message as _;
use raaf_benches::measure::peak_mib;
use raaf_processors::OtlpSink;
use raaf_trace_core::{BatchConfig, BatchProcessor, TracerProvider};

const SPANS: u32 = 100_000;
/// As many as are made find room, so that none is dropped.
const ROOM: usize = 2 * SPANS as usize;
const BATCH: usize = 512;
const ROUNDS: usize = 7;
const LONG: Duration = Duration::from_secs(100);

type Failure = Box<dyn Error>;

/// What takes part in the million.
const THREADS: u64 = 8;
const MILLION: u64 = 1_000_000;
const MILLIONS_ROOM: usize = 20_000;

/// Takes whatever is posted, answers 200, and keeps the bodies for the count afterwards.
struct Server {
    address: SocketAddr,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// How many spans a request brings.
fn spans_of(body: &[u8]) -> Result<u64, Failure> {
    let request = ExportTraceServiceRequest::decode(body)?;
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    Ok(scopes.map(|scope| scope.spans.len() as u64).sum())
}

impl Server {
    fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bodies);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                // A connection that breaks off loses spans, which the count shows.
                thread::spawn(move || serve(stream, &kept).unwrap_or_default());
            }
        });
        Ok(Self { address, bodies })
    }

    /// Spans since the last count, and the bytes that they took.
    fn count(&self) -> Result<(u64, usize), Failure> {
        let bodies =
            std::mem::take(&mut *self.bodies.lock().unwrap_or_else(PoisonError::into_inner));
        let (mut spans, mut bytes) = (0, 0);
        for body in &bodies {
            spans += spans_of(body)?;
            bytes += body.len();
        }
        Ok((spans, bytes))
    }
}

fn serve(stream: TcpStream, kept: &Mutex<Vec<Vec<u8>>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = BufReader::new(stream);
    let mut line = String::new();
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if connection.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let Some((name, value)) = line.trim_end().split_once(':') else {
                if line == "\r\n" {
                    break;
                }
                continue;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        connection.read_exact(&mut body)?;
        kept.lock().unwrap_or_else(PoisonError::into_inner).push(body);
        connection.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
    }
}

/// What a round took.
struct Round {
    wall: Duration,
    cpu: Duration,
    bytes: usize,
}

fn measure(server: &Server, work: impl FnOnce() -> Result<(), Failure>) -> Result<Round, Failure> {
    let (wall, cpu) = (Instant::now(), ProcessTime::now());
    work()?;
    let (wall, cpu) = (wall.elapsed(), cpu.elapsed());
    match server.count()? {
        (spans, bytes) if spans == u64::from(SPANS) => Ok(Round { wall, cpu, bytes }),
        (spans, _) => Err(format!("{spans} of {SPANS} spans arrived").into()),
    }
}

fn ours(server: &Server) -> Result<Round, Failure> {
    let sink = OtlpSink::builder()
        .endpoint(format!("http://{}", server.address))
        .service_name("bench")
        .build()?;
    let config = BatchConfig::default().with_max_spans(ROOM).with_batch_size(BATCH);
    let batch = BatchProcessor::with_config(sink, config);
    let provider = TracerProvider::builder().with(batch).build();
    let tracer = provider.tracer();
    measure(server, || {
        for number in 0..SPANS {
            let span = tracer.span("run").with("tool.name", "search");
            let span = span.with("tool.rank", 0.5).with("tool.cached", true);
            span.with("tool.number", number).start().finish();
        }
        Ok(provider.shutdown(LONG)?)
    })
}

fn theirs(server: &Server) -> Result<Round, Failure> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("http://{}/v1/traces", server.address))
        .build()?;
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(ROOM)
        .with_max_export_batch_size(BATCH)
        .build();
    let batch = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
    let provider = SdkTracerProvider::builder().with_span_processor(batch).build();
    let tracer = provider.tracer("bench");
    measure(server, || {
        for number in 0..SPANS {
            let span = tracer.span_builder("run").with_attributes([
                KeyValue::new("tool.name", "search"),
                KeyValue::new("tool.rank", 0.5),
                KeyValue::new("tool.cached", true),
                KeyValue::new("tool.number", i64::from(number)),
            ]);
            span.start(&tracer).end();
        }
        Ok(provider.shutdown_with_timeout(LONG)?)
    })
}

/// A million spans, and what became of each.
fn million() -> Result<(), Failure> {
    let server = Server::start()?;
    let sink = OtlpSink::builder().endpoint(format!("http://{}", server.address)).build()?;
    let config = BatchConfig::default().with_max_spans(MILLIONS_ROOM).with_batch_size(BATCH);
    let batch = BatchProcessor::with_config(sink, config);
    let provider = TracerProvider::builder().with(batch).build();
    let done = AtomicBool::new(false);
    let (mut arrived, began) = (0, Instant::now());
    thread::scope(|scope| -> Result<(), Failure> {
        let making = scope.spawn(|| {
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        let tracer = provider.tracer();
                        for number in 0..MILLION / THREADS {
                            let span = tracer.span("run").with("tool.name", "search");
                            span.with("tool.number", number).start().finish();
                        }
                    });
                }
            });
            // Says so where spans were dropped; they are counted below.
            let _ = provider.shutdown(LONG);
            done.store(true, Ordering::Release);
        });
        // What has come is counted at once, so that the server needs no memory for it.
        while !done.load(Ordering::Acquire) {
            arrived += server.count()?.0;
            thread::sleep(Duration::from_millis(10));
        }
        making.join().map_err(|_| "a thread that makes spans panicked")?;
        arrived += server.count()?.0;
        Ok(())
    })?;
    let took = began.elapsed().as_secs_f64();
    let stats = provider.stats().processors.remove(0);
    let peak = peak_mib().map_or_else(|| "unknown".to_owned(), |peak| format!("{peak:.0} MiB"));
    writeln!(
        io::stdout(),
        "of {MILLION} spans {arrived} arrived ({:.0} a second), {} found no room and were counted; \
         at most {peak} of memory",
        arrived as f64 / took,
        stats.dropped
    )?;
    if arrived + stats.dropped == MILLION && arrived == stats.delivered {
        return Ok(());
    }
    Err(format!("{} were counted as delivered", stats.delivered).into())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<(), Failure> {
    if std::env::args().nth(1).is_some_and(|word| word == "million") {
        return million();
    }
    let server = Server::start()?;
    let (mut our, mut their) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our.push(ours(&server)?);
        their.push(theirs(&server)?);
    }
    let mut out = io::stdout();
    let spans = f64::from(SPANS);
    for (name, rounds) in [("raaf otlp", &our), ("opentelemetry-otlp", &their)] {
        let wall = median(rounds.iter().map(|round| round.wall.as_secs_f64()).collect());
        let cpu = median(rounds.iter().map(|round| round.cpu.as_secs_f64()).collect());
        let bytes = rounds[0].bytes as f64 / spans;
        writeln!(
            out,
            "{name}: {:.0} spans/s, {:.2} µs of CPU and {bytes:.0} bytes a span",
            spans / wall,
            cpu / spans * 1e6
        )?;
    }
    Ok(())
}
