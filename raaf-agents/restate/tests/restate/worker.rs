//! A worker: a process with a handler that runs three agents, whose tools write to a ledger.

use std::{
    env, fs,
    io::{ErrorKind, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use raaf_agents::{
    Agent, Approval, FunctionTool, Message, Model, ModelError, ModelRequest, ModelResponse,
    Pipeline, RunContext, State, ToolCall,
};
use raaf_processors::FileSink;
use raaf_restate::{Durable, Failure, listen};
use raaf_trace_core::{BatchConfig, TracerProvider, provider::set_global_provider};
use restate_sdk::{context::RequestTarget, prelude::*};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::server::{Server, free_addresses, until};

const FOLDER: &str = "RAAF_TEST_FOLDER";
const ADDRESS: &str = "RAAF_TEST_ADDRESS";

/// A worker in a process of its own.
pub(crate) struct Worker {
    process: Child,
    folder: PathBuf,
    pub(crate) address: SocketAddr,
}

impl Worker {
    /// Starts a worker, which writes to the folder of the test.
    pub(crate) fn start(server: &Server) -> Self {
        let folder = server.path("work");
        fs::create_dir_all(folder.join("ledger")).unwrap();
        let [address] = free_addresses();
        Self { process: spawn(&folder, address), folder, address }
    }

    /// Kills the worker, and starts another one at its address.
    pub(crate) async fn replace(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = spawn(&self.folder, self.address);
        self.comes_up().await;
    }

    /// Waits until the worker accepts connections.
    pub(crate) async fn comes_up(&self) {
        until(async || TcpStream::connect(self.address).await.is_ok()).await;
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(folder: &Path, address: SocketAddr) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "worker::serve", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(ADDRESS, address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Runs in the process of a worker.
#[tokio::test]
#[ignore = "not a test, but the program of the workers"]
async fn serve() {
    let (Some(folder), Ok(address)) = (env::var_os(FOLDER), env::var(ADDRESS)) else { return };
    let folder = PathBuf::from(folder);
    let sink = FileSink::builder(folder.join("traces.jsonl"));
    let sink = sink.build_with_starts(BatchConfig::default());
    set_global_provider(TracerProvider::builder().with(sink).build());
    let endpoint = Endpoint::builder().bind(Office { folder }).build();
    HttpServer::new(endpoint).serve(listen(address.parse().unwrap()).unwrap()).await;
}

pub(crate) struct Office {
    folder: PathBuf,
}

#[restate_sdk::service(
    name = "Office",
    invocation_retry_policy(initial_interval = "20ms", factor = 1.0, max_interval = "20ms")
)]
impl Office {
    /// A pipeline of three agents in sequence.
    #[handler(name = "report")]
    async fn report(
        &self,
        ctx: Context<'_>,
        job: Json<Value>,
    ) -> Result<Json<Value>, HandlerError> {
        let run = Durable::begin(&ctx, "Report").await?;
        let job = job.into_inner();
        run.complete(async {
            let [planner, researcher, writer] = agents(&self.folder);
            let pipeline = Pipeline::builder("Steps")
                .then(planner.reads("job"))
                .then(researcher.reads("Planner"))
                .then(writer.reads("Researcher"))
                .build();
            let pipeline = pipeline.map_err(|error| Failure::terminal(error.to_string()))?;
            let state =
                run.run_pipeline("report", &pipeline, State::new().with("job", job)).await?;
            let text = state.text("Writer").unwrap_or_default();
            Ok::<_, Failure>(Json(json!({ "answer": text, "by": std::process::id() })))
        })
        .await
    }

    /// Reports of which each may run on another worker.
    #[handler(name = "reports")]
    async fn reports(
        &self,
        ctx: Context<'_>,
        jobs: Json<Vec<String>>,
    ) -> Result<Json<Value>, HandlerError> {
        let run = Durable::begin(&ctx, "Reports").await?;
        run.complete(async {
            let target = RequestTarget::service("Office", "report");
            let reports: Vec<Value> = run.call_each(&target, jobs.into_inner()).await?;
            Ok::<_, Failure>(Json(json!(reports)))
        })
        .await
    }

    /// The agents of the report as a pipeline, two of them side by side.
    #[handler(name = "pipeline")]
    async fn pipeline(
        &self,
        ctx: Context<'_>,
        job: Json<Value>,
    ) -> Result<Json<Value>, HandlerError> {
        let run = Durable::begin(&ctx, "Job").await?;
        run.complete(async {
            let [planner, researcher, writer] =
                agents(&self.folder).map(|agent| agent.reads("job"));
            let pipeline = Pipeline::builder("Report").then(planner);
            let pipeline = pipeline.parallel([researcher, writer]).build();
            let pipeline = pipeline.map_err(|error| Failure::terminal(error.to_string()))?;
            let state = State::new().with("job", job.into_inner());
            let state = run.run_pipeline("report", &pipeline, state).await?;
            let answers = ["Planner", "Researcher", "Writer"].map(|key| state.text(key).ok());
            Ok::<_, Failure>(Json(json!(answers)))
        })
        .await
    }

    /// An agent with a tool that needs an approval.
    #[handler(name = "refund", inactivity_timeout = "100ms")]
    async fn refund(
        &self,
        ctx: Context<'_>,
        job: Json<Value>,
    ) -> Result<Json<Value>, HandlerError> {
        let folder = self.folder.clone();
        let run = Durable::begin(&ctx, "Refund").await?.on_approval(move |requests| {
            let line = serde_json::to_string(&requests).unwrap_or_default();
            let written =
                append(&folder.join("announced"), &line).map_err(|error| error.to_string());
            async move { written }
        });
        let job = job.into_inner();
        run.complete(async {
            let agent = clerk(&self.folder);
            let text = job.as_str().unwrap_or_default().to_owned();
            let answer = run.run("clerk", &agent, text).await?.output;
            Ok::<_, Failure>(Json(json!(answer)))
        })
        .await
    }
}

/// The agents of the report: two of them call both tools at once, the second one after the other.
fn agents(folder: &Path) -> [Agent; 3] {
    let both = vec![vec!["debit", "credit"]];
    let each = vec![vec!["debit"], vec!["credit"]];
    let agents = [("Planner", both.clone()), ("Researcher", each), ("Writer", both)];
    let agent = |(name, turns)| {
        let log = Log { folder: folder.to_owned(), agent: name };
        Agent::builder(name, Planned { log: log.clone(), turns })
            .tool(log.clone().tool("debit"))
            .tool(log.tool("credit"))
            .build()
    };
    agents.map(agent)
}

fn clerk(folder: &Path) -> Agent {
    let log = Log { folder: folder.to_owned(), agent: "Clerk" };
    let turns = vec![vec!["debit", "credit"]];
    Agent::builder("Clerk", Planned { log: log.clone(), turns })
        .tool(log.clone().tool("debit").with_approval(Approval::always()))
        .tool(log.tool("credit"))
        .build()
}

/// A log of the steps that began, in the order in which they did.
#[derive(Clone)]
struct Log {
    folder: PathBuf,
    agent: &'static str,
}

impl Log {
    async fn begin(&self, job: &str, step: &str) {
        let line = format!("{job} {}/{step} {}", self.agent, std::process::id());
        append(&self.folder.join("steps"), &line).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    fn tool(self, name: &'static str) -> FunctionTool {
        let log = Arc::new(self);
        FunctionTool::with_context(
            name,
            "Writes to the ledger.",
            move |context: RunContext, job: String| {
                let log = Arc::clone(&log);
                async move {
                    log.begin(&job, name).await;
                    let key = context.idempotency_key().ok_or("no key")?.replace('/', "|");
                    add_entry(&log.folder, &key, &job).map_err(|_| "disk full")?;
                    Ok::<_, &str>(name)
                }
            },
        )
    }
}

/// Adds an entry to the ledger, which takes each key once. A process that is killed leaves all of it or
/// nothing.
fn add_entry(folder: &Path, key: &str, job: &str) -> std::io::Result<()> {
    let whole = folder.join(format!("{key} {}", std::process::id()));
    fs::write(&whole, job)?;
    let added = fs::hard_link(&whole, folder.join("ledger").join(key));
    fs::remove_file(whole)?;
    added.or_else(|error| match error.kind() {
        ErrorKind::AlreadyExists => Ok(()),
        _ => Err(error),
    })
}

fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// A model that makes its turns in order, and then answers.
struct Planned {
    log: Log,
    turns: Vec<Vec<&'static str>>,
}

impl Planned {
    /// Fails for some jobs: for `flaky` once, for `wrong` each time.
    fn fail_once(&self, job: &str) -> Result<(), ModelError> {
        let message = format!("no {job}");
        let first = || fs::File::create_new(self.log.folder.join("failed")).is_ok();
        match job {
            "flaky" if self.log.agent == "Researcher" && first() => {
                Err(ModelError::Connection { message })
            }
            "wrong" if self.log.agent == "Researcher" => {
                Err(ModelError::Rejected { status: 400, message })
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Model for Planned {
    fn name(&self) -> &str {
        "planned"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let input = request.messages.first().map(|message| message.text().into_owned());
        let job = input.unwrap_or_default().split(' ').next().unwrap_or_default().to_owned();
        let turn = request.messages.iter().filter(|it| it.tool_calls().count() > 0).count();
        self.log.begin(&job, &format!("model{turn}")).await;
        let Some(tools) = self.turns.get(turn) else {
            let results = request.messages.iter().flat_map(Message::tool_results);
            let failed = results.filter(|result| result.is_error).count();
            let answer = format!("{job} by {} failed {failed}", self.log.agent);
            return Ok(ModelResponse::new(Message::assistant(answer)));
        };
        self.fail_once(&job)?;
        let call = |(at, tool): (usize, &&str)| {
            ToolCall::new(format!("c{at}"), *tool, &json!({ "value": job }))
        };
        Ok(ModelResponse::new(Message::calls(tools.iter().enumerate().map(call))))
    }
}
