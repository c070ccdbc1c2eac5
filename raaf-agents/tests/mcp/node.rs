//! Packages from npm for tests.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, sync::Mutex, time::timeout};

const VARIABLE: &str = "RAAF_MCP_NPM";
const INSTALLING: Duration = Duration::from_secs(600);
/// The suite of conformance tests needs a newer Node than some systems have.
const PACKAGES: [&str; 4] = [
    "@modelcontextprotocol/conformance@0.1.16",
    "@modelcontextprotocol/server-everything@2026.8.31",
    "@modelcontextprotocol/server-filesystem@2026.8.31",
    "node@22",
];

/// Packages in a folder.
pub(crate) struct Packages(PathBuf);

impl Packages {
    /// Returns the packages once they are installed; otherwise the reason why they are unavailable.
    pub(crate) async fn find() -> Result<Self, String> {
        let folder = match env::var_os(VARIABLE) {
            Some(word) if word == "install" => install().await?,
            Some(folder) => folder.into(),
            None if env::var_os("CI").is_some() => install().await?,
            None => return Err(format!("set {VARIABLE} to a folder with them, or to `install`")),
        };
        Ok(Self(folder.join("node_modules")))
    }

    /// Returns the path of a program of a package.
    pub(crate) fn program(&self, package: &str) -> PathBuf {
        self.0.join("@modelcontextprotocol").join(package).join("dist/index.js")
    }

    /// Returns the path of Node.
    pub(crate) fn node(&self) -> PathBuf {
        self.0.join("node/bin/node")
    }
}

async fn install() -> Result<PathBuf, String> {
    static INSTALLED: Mutex<()> = Mutex::const_new(());
    let _one_at_a_time = INSTALLED.lock().await;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mcp-npm");
    let finished = folder.join("finished");
    if !finished.exists() {
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(&folder).args(PACKAGES);
        npm.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        match timeout(INSTALLING, npm.status()).await {
            Ok(Ok(status)) if status.success() => {}
            other => return Err(format!("npm failed: {other:?}")),
        }
        std::fs::write(finished, "").map_err(|error| error.to_string())?;
    }
    Ok(folder)
}
