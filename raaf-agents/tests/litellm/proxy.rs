//! The proxy: found or installed, started on loopback, and ended with the test.

use std::{
    env,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command as Blocking, Stdio},
    time::Duration,
};

use raaf_trace_core::TraceId;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{sleep, timeout},
};

const INSTALLING: Duration = Duration::from_secs(600);
const STARTING: Duration = Duration::from_secs(180);

pub(crate) struct Proxy {
    address: SocketAddr,
    key: String,
    /// Ends with the test.
    process: Child,
}

impl Proxy {
    /// The proxy, up and answering; else why it cannot be had.
    pub(crate) async fn start() -> Result<Self, String> {
        let program = program().await?;
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/litellm/config.yaml");
        let address = free_address().await.map_err(|error| error.to_string())?;
        // Not a well-known one: the proxy warns of those, rightly.
        let key = format!("sk-{}", TraceId::random().hex());
        let process = Command::new(&program)
            .arg("--config")
            .arg(config)
            .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
            .env("LITELLM_MASTER_KEY", &key)
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{} does not start: {error}", program.display()))?;
        let mut proxy = Self { address, key, process };
        match timeout(STARTING, proxy.comes_up()).await {
            Ok(Ok(())) => Ok(proxy),
            Ok(Err(reason)) => Err(reason),
            Err(_) => Err(format!("it was not up after {} s", STARTING.as_secs())),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    async fn comes_up(&mut self) -> Result<(), String> {
        while !self.is_up().await.unwrap_or(false) {
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("it ended at once ({status})"));
            }
            sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    async fn is_up(&self) -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(self.address).await?;
        let request =
            "GET /health/liveliness HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer.starts_with("HTTP/1.1 200"))
    }
}

async fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()
}

/// `RAAF_LITELLM` names it; in CI, or where `RAAF_LITELLM=install`, it is installed.
async fn program() -> Result<PathBuf, String> {
    match env::var_os("RAAF_LITELLM") {
        Some(word) if word == "install" => install().await,
        Some(program) => Ok(program.into()),
        None if env::var_os("CI").is_some() => install().await,
        None => Err("set RAAF_LITELLM to its path, or to `install`".to_owned()),
    }
}

async fn install() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("litellm");
    let program = folder.join("bin/litellm");
    if works(&program) {
        return Ok(program);
    }
    let run = async {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder)).await?;
        let pip = folder.join("bin/pip");
        run(Command::new(pip).args(["install", "--quiet", "litellm[proxy]"])).await
    };
    match timeout(INSTALLING, run).await {
        Ok(Ok(())) => Ok(program),
        Ok(Err(reason)) => Err(reason),
        Err(_) => Err(format!("it was not installed after {} s", INSTALLING.as_secs())),
    }
}

async fn run(command: &mut Command) -> Result<(), String> {
    command.kill_on_drop(true).stdout(Stdio::null()).stderr(Stdio::null());
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    match command.status().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name} failed ({status})")),
        Err(error) => Err(format!("{name} does not start: {error}")),
    }
}

fn works(program: &Path) -> bool {
    let mut version = Blocking::new(program);
    version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}
