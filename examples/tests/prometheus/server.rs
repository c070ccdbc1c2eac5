//! A Prometheus of the test's own, on loopback, and how it is asked.

use std::{
    fmt::Write as _,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::Running;

/// Timeout of each step.
const PATIENCE: Duration = Duration::from_secs(90);

/// A program of that name on the `PATH`.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

pub(crate) struct Prometheus {
    address: String,
    _process: Running,
    /// Its configuration and its data; goes after it.
    _folder: TempDir,
}

impl Prometheus {
    /// Starts one that scrapes `target`, and waits until it is ready.
    pub(crate) fn start(program: &Path, target: &str) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let config = format!(
            "global: {{ scrape_interval: 500ms, scrape_timeout: 500ms }}\n\
             scrape_configs: [{{ job_name: agents, static_configs: [{{ targets: ['{target}'] }}] }}]\n"
        );
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config).expect("the configuration is written");
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr());
        let address = free.expect("a port is free").to_string();
        let process = Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("Prometheus starts");
        let prometheus = Self { address, _process: Running(process), _folder: folder };
        until("Prometheus to be ready", || get(&prometheus.address, "/-/ready").ok());
        prometheus
    }

    /// Asks until there are values, and all of them are as expected.
    pub(crate) fn wait_for(&self, query: &str, expected: impl Fn(f64) -> bool) {
        until(query, || {
            let values = self.query(query)?;
            (!values.is_empty() && values.into_iter().all(&expected)).then_some(())
        });
    }

    fn query(&self, query: &str) -> Option<Vec<f64>> {
        let path = query.bytes().fold("/api/v1/query?query=".to_owned(), |mut path, byte| {
            let _ = write!(path, "%{byte:02X}");
            path
        });
        let answer = get(&self.address, &path).ok()?;
        let answer: serde_json::Value = serde_json::from_str(&answer).ok()?;
        let results = answer["data"]["result"].as_array()?;
        results.iter().map(|result| result["value"][1].as_str()?.parse().ok()).collect()
    }
}

/// Tries until there is an answer.
pub(crate) fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// The body of a good answer.
pub(crate) fn get(address: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // No chunks in HTTP/1.0.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.split(' ').nth(1) == Some("200") => Ok(body.to_owned()),
        _ => Err(io::Error::other(answer)),
    }
}
