//! A second backend, with reading habits of its own: `MLflow`.

use std::{error::Error, process, time::Duration};

use raaf_processors::{OtlpError, OtlpSink};
use raaf_trace_core::TraceId;
use serde_json::{Value as Json, json};
use tokio::process::{Child, Command};

use super::{
    LONG,
    python::{self, Program},
    workflow::{self, ANSWER, QUESTION},
};

const PROGRAM: Program = Program { variable: "RAAF_MLFLOW", package: "mlflow", file: "bin/mlflow" };

/// Longest time to install the packages. After it, the test is skipped.
const INSTALLING: Duration = Duration::from_secs(60);

struct MlFlow {
    url: String,
    process: Child,
    _folder: tempfile::TempDir,
}

impl MlFlow {
    /// Starts the backend and waits until it answers; otherwise returns the reason why it is unavailable.
    async fn start() -> Result<Self, String> {
        let program = tokio::time::timeout(INSTALLING, PROGRAM.find()).await;
        let program = program.map_err(|_| "it was not installed after a minute")??;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let http = python::free_address().await?;
        let mut command = Command::new(program);
        command
            .args(["server", "--host", "127.0.0.1", "--port", &http.port().to_string()])
            .args(["--workers", "1", "--artifacts-destination"])
            .arg(folder.path().join("artifacts"))
            .arg("--backend-store-uri")
            .arg(format!("sqlite:///{}", folder.path().join("store").display()))
            .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
            .env("MLFLOW_DISABLE_TELEMETRY", "true")
            // Its server is a child process. The group lets the test end both.
            .process_group(0);
        let mut process = python::start(&mut command)?;
        let url = format!("http://{http}");
        let is_up = || async { ureq::get(format!("{url}/health")).call().is_ok() };
        python::comes_up(&mut process, is_up).await?;
        Ok(Self { url, process, _folder: folder })
    }

    /// Returns the entry of this trace in the list of traces, once its root has arrived.
    async fn listed(&self, trace: TraceId) -> Result<Json, Box<dyn Error>> {
        let url = format!("{}/api/3.0/mlflow/traces/search", self.url);
        let query = json!({"locations": [
            {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}},
        ]});
        let id = format!("tr-{}", trace.hex());
        let seen = async {
            loop {
                if let Ok(mut page) = post(&url, &query)
                    && let Some(traces) = page["traces"].as_array_mut()
                    && let Some(found) = traces.iter_mut().find(|found| found["trace_id"] == *id)
                    && found["state"] == "OK"
                {
                    return found.take();
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        Ok(tokio::time::timeout(LONG, seen).await?)
    }

    /// The spans of a trace.
    fn spans(&self, trace: TraceId) -> Result<Vec<Json>, Box<dyn Error>> {
        let url = format!("{}/ajax-api/3.0/mlflow/get-trace-artifact", self.url);
        let mut reply = ureq::get(format!("{url}?request_id=tr-{}", trace.hex())).call()?;
        let mut whole: Json = serde_json::from_str(&reply.body_mut().read_to_string()?)?;
        Ok(serde_json::from_value(whole["spans"].take())?)
    }
}

impl Drop for MlFlow {
    fn drop(&mut self) {
        if let Some(id) = self.process.id() {
            let _ = process::Command::new("kill").args(["-KILL", "--", &format!("-{id}")]).status();
        }
    }
}

fn post(url: &str, body: &Json) -> Result<Json, Box<dyn Error>> {
    let request = ureq::post(url).header("content-type", "application/json");
    let mut reply = request.send(body.to_string())?;
    Ok(serde_json::from_str(&reply.body_mut().read_to_string()?)?)
}

fn sink(mlflow: &MlFlow) -> Result<OtlpSink, OtlpError> {
    let sink = OtlpSink::builder().endpoint(&mlflow.url).header("x-mlflow-experiment-id", "0");
    // Its first request takes some seconds.
    sink.timeout(LONG).build()
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stderr, reason = "who reads the log has to see that nothing was tested")]
async fn a_second_backend_lists_traces_with_input_and_output() -> Result<(), Box<dyn Error>> {
    let mlflow = match MlFlow::start().await {
        Ok(mlflow) => mlflow,
        Err(reason) => {
            eprintln!("skipped, there is no MLflow: {reason}");
            return Ok(());
        }
    };
    let trace = workflow::run(sink(&mlflow)?).await?;
    let listed = mlflow.listed(trace).await?;
    // Values are shown as JSON.
    assert_eq!(listed["request_preview"], json!(QUESTION).to_string());
    assert_eq!(listed["response_preview"], json!(ANSWER).to_string());
    let metadata = &listed["trace_metadata"];
    assert_eq!(metadata["mlflow.trace.session"], "conversation-17");
    assert_eq!(metadata["mlflow.trace.user"], "customer-7");

    let spans = mlflow.spans(trace)?;
    let call = spans.iter().find(|span| span["name"] == "chat scripted").ok_or("no model call")?;
    let said = |key: &str| -> Result<Json, serde_json::Error> {
        serde_json::from_str(call["attributes"][key].as_str().unwrap_or_default())
    };
    assert_eq!(said("mlflow.spanType")?, "CHAT_MODEL");
    let (asked, answered) = (said("mlflow.spanInputs")?, said("mlflow.spanOutputs")?);
    assert_eq!(asked[0], json!({"role": "user", "parts": [{"type": "text", "content": QUESTION}]}));
    assert_eq!(answered[0]["parts"][0]["name"], "look_up");
    assert_eq!(said("mlflow.chat.tools")?[0]["name"], "look_up");
    Ok(())
}
