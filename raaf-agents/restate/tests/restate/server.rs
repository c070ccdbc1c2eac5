//! A Restate server of its own for each test.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value as Json, json};
use tokio::sync::{Mutex, MutexGuard};

/// The package with the server, as npm calls it.
const PACKAGE: &str = "@restatedev/restate-server@1.7";

static TURN: Mutex<()> = Mutex::const_new(());

/// A server with a folder for everything that a test writes.
pub(crate) struct Server {
    process: Child,
    folder: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
    ingress: SocketAddr,
    admin: SocketAddr,
    http: reqwest::Client,
}

/// Returns the path of the server; otherwise the reason why it is unavailable.
fn program() -> Result<PathBuf, String> {
    match env::var_os("RAAF_RESTATE_SERVER") {
        Some(word) if word == "install" => install(),
        Some(program) => Ok(program.into()),
        None if env::var_os("CI").is_some() => install(),
        None => Err("set RAAF_RESTATE_SERVER to its path, or to `install`".to_owned()),
    }
}

fn install() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("restate-server");
    let link = folder.join("node_modules/.bin/restate-server");
    if !link.exists() {
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let npm = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--prefix"])
            .arg(&folder)
            .arg(PACKAGE)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match npm {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(format!("npm failed ({status})")),
            Err(error) => return Err(format!("npm does not start: {error}")),
        }
    }
    // The link leads to a script, which would outlive a kill as the parent of the server.
    let vendor = folder.join("node_modules/@restatedev");
    let vendor = fs::read_dir(&vendor).map_err(|error| error.to_string())?.flatten();
    vendor
        .map(|package| package.path().join("bin/restate-server"))
        .find(|program| program.is_file() && !program.is_symlink())
        .ok_or_else(|| format!("{PACKAGE} brings no server for this system"))
}

impl Server {
    /// Starts a server; `None`, with a line that says why, where there is none.
    pub(crate) async fn start() -> Option<Self> {
        // Servers need much of a machine: one test after the other has one.
        let turn = TURN.lock().await;
        let program = match program() {
            Ok(program) => program,
            Err(reason) => {
                eprintln!("skipped, there is no Restate server: {reason}");
                return None;
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let [ingress, admin, node] = free_addresses();
        let mut process = Command::new(program)
            .arg("--base-dir")
            .arg(folder.path().join("server"))
            .env("RESTATE_INGRESS__BIND_ADDRESS", ingress.to_string())
            .env("RESTATE_ADMIN__BIND_ADDRESS", admin.to_string())
            .env("RESTATE_BIND_ADDRESS", node.to_string())
            .env("DO_NOT_TRACK", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("server.log")).unwrap())
            .spawn()
            .unwrap();
        let http = reqwest::Client::new();
        let health = [format!("http://{admin}/health"), format!("http://{ingress}/restate/health")];
        for url in health {
            until(async || {
                let health = http.get(&url).send().await;
                health.is_ok_and(|health| health.status().is_success())
            })
            .await;
        }
        assert!(process.try_wait().unwrap().is_none(), "another server has the address");
        let server = Self { process, folder, _turn: turn, ingress, admin, http };
        Some(server)
    }

    /// Returns a path in the folder of the test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Tells the server of a worker, or of what stands in front of several.
    pub(crate) async fn register(&self, address: SocketAddr) {
        let body = json!({ "uri": format!("http://{address}") });
        let deployments = format!("http://{}/deployments", self.admin);
        until(async || {
            let answer = self.http.post(&deployments).json(&body).send().await.unwrap();
            let status = answer.status();
            if !status.is_success() {
                eprintln!("{status}: {}", answer.text().await.unwrap());
            }
            status.is_success()
        })
        .await;
    }

    /// Calls a handler, and returns its result.
    pub(crate) async fn call(&self, handler: &str, body: &Json, headers: &[(&str, &str)]) -> Json {
        let (status, text) = self.answer(handler, body, headers).await;
        assert!(status.is_success(), "{status}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Calls a handler, and returns the status and the body of the response.
    pub(crate) async fn answer(
        &self,
        handler: &str,
        body: &Json,
        headers: &[(&str, &str)],
    ) -> (reqwest::StatusCode, String) {
        let mut request = self.http.post(format!("http://{}/{handler}", self.ingress)).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    pub(crate) fn addresses(&self) -> [SocketAddr; 2] {
        [self.admin, self.ingress]
    }

    /// Cancels all invocations.
    pub(crate) async fn cancel(&self) {
        let query = json!({ "query": "SELECT id FROM sys_invocation" });
        let url = format!("http://{}/query", self.admin);
        let request = self.http.post(url).header("accept", "application/json").json(&query);
        let answer: Json = request.send().await.unwrap().json().await.unwrap();
        for row in answer["rows"].as_array().unwrap() {
            let id = row["id"].as_str().unwrap();
            let url = format!("http://{}/invocations/{id}/cancel", self.admin);
            let answer = self.http.patch(url).send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        }
    }

    /// Waits until an invocation of the handler has this status.
    pub(crate) async fn is(&self, status: &str) {
        let query = json!({ "query": "SELECT status FROM sys_invocation" });
        until(async || {
            let url = format!("http://{}/query", self.admin);
            let request = self.http.post(url).header("accept", "application/json").json(&query);
            let answer: Json = request.send().await.unwrap().json().await.unwrap();
            answer["rows"][0]["status"] == status
        })
        .await;
    }

    /// Resolves an awakeable.
    pub(crate) async fn resolve(&self, awakeable: &str, value: &Json) {
        let url = format!("http://{}/restate/awakeables/{awakeable}/resolve", self.ingress);
        let answer = self.http.post(url).json(value).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns free addresses on loopback.
pub(crate) fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    let listeners = [(); N].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}

/// Waits until something holds.
pub(crate) async fn until(holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it holds within 60 s");
}
