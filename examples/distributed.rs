//! One trace across two processes: an HTTP request carries `traceparent`.
//!
//! Run it with `cargo run --example distributed`.
//!
//! The program starts itself a second time as the server. Both append to one trace file, which the
//! first reads back at the end. The server's work is a child of the request.

use std::{
    collections::BTreeSet,
    env,
    error::Error,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

use raaf_processors::FileSink;
use raaf_testkit::read;
use raaf_trace_core::{Component, Context, FinishedSpan, Traceable, TracerProvider, traced};

mod loopback;

const SERVER: &str = "serve";

#[derive(Traceable)]
struct OrderPipeline {
    component: Component,
    stock: StockClient,
}

impl OrderPipeline {
    #[traced]
    fn order(&self, item: &str, count: u32) -> Result<String, Box<dyn Error>> {
        let there = self.stock.ask(item)?;
        Ok(if there < count { format!("only {there} {item} left") } else { "sent".to_owned() })
    }
}

#[derive(Traceable)]
struct StockClient {
    component: Component,
    server: String,
}

impl StockClient {
    #[traced(with("server.address" = &self.server))]
    fn ask(&self, item: &str) -> Result<u32, Box<dyn Error>> {
        let mut headers = Vec::new();
        Context::current().inject(&mut headers);
        let answer = loopback::post(&self.server, &headers, item.as_bytes())?;
        Ok(String::from_utf8(answer)?.parse()?)
    }
}

#[derive(Traceable)]
struct StockAgent {
    component: Component,
    shelf: Shelf,
}

impl StockAgent {
    #[traced]
    fn run(&self, item: &[u8]) -> usize {
        self.shelf.count(item)
    }
}

#[derive(Traceable)]
struct Shelf {
    component: Component,
}

impl Shelf {
    /// There are as many as its name has letters.
    #[traced]
    fn count(&self, item: &[u8]) -> usize {
        item.len()
    }
}

/// The server: answers one request in the context of whoever sent it.
fn serve(file: &Path) -> Result<(), Box<dyn Error>> {
    let guard = TracerProvider::builder().with(FileSink::new(file)).init()?;
    let shelf = Shelf { component: Component::tool("Shelf") };
    let agent = StockAgent { component: Component::of::<StockAgent>(), shelf };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let (stream, _) = listener.accept()?;
    loopback::answer(stream, |request| {
        let caller = Context::extract(&request.headers);
        caller.run(|| agent.run(&request.body)).to_string().into_bytes()
    })?;
    Ok(guard.shutdown()?)
}

/// This program again, as the server, and where it listens.
fn start_server(file: &Path) -> Result<(Child, String), Box<dyn Error>> {
    let mut command = Command::new(env::current_exe()?);
    let mut server = command.arg(SERVER).arg(file).stdout(Stdio::piped()).spawn()?;
    let printed = server.stdout.take().ok_or("the server prints nothing")?;
    let address = BufReader::new(printed).lines().next().ok_or("the server ended")??;
    Ok((server, address))
}

fn main() -> Result<(), Box<dyn Error>> {
    if let [_, word, file] = env::args().collect::<Vec<_>>().as_slice()
        && word == SERVER
    {
        return serve(Path::new(file));
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("traces.jsonl");
    let guard = TracerProvider::builder().with(FileSink::new(&file)).init()?;
    let (mut process, server) = start_server(&file)?;

    let stock = StockClient { component: Component::tool("StockClient"), server };
    let pipeline = OrderPipeline { component: Component::of::<OrderPipeline>(), stock };
    println!("{}", pipeline.order("kettles", 9)?);

    process.wait()?;
    guard.shutdown()?;
    let written = read::file(&file)?;
    let traces: BTreeSet<_> = written.as_written().iter().map(FinishedSpan::trace_id).collect();
    println!("{} spans of two processes in {} trace", written.as_written().len(), traces.len());
    println!("{}", written.spans());
    Ok(())
}
