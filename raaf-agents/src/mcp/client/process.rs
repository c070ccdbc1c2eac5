//! Servers that are child processes: messages by lines, and an end without processes left behind.

use std::{ffi::OsString, io, process::Stdio, sync::Arc, time::Duration};

use futures::StreamExt as _;
use rmcp::{
    RoleClient,
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    sync::Mutex,
    task::JoinHandle,
    time::timeout,
};
use tokio_util::codec::{FramedRead, LinesCodec};

use super::fate::{Fate, shown};

/// Bound on the length of a message, in bytes.
const MAX_LINE: usize = 16 << 20;
/// Bound on the number of lines that are no messages.
const MAX_NOISE: usize = 100;
/// Time for a server that has closed its output to exit, after which its end counts as closed.
const EXIT: Duration = Duration::from_millis(500);
/// Time for a server to exit by itself when its input is closed, and again when it is asked to.
const GRACE: Duration = Duration::from_secs(2);

/// Variables of this process that each server gets: none has secrets.
const INHERITED: &[&str] = if cfg!(windows) {
    &[
        "APPDATA",
        "HOMEDRIVE",
        "HOMEPATH",
        "LOCALAPPDATA",
        "PATH",
        "PATHEXT",
        "PROCESSOR_ARCHITECTURE",
        "PROGRAMFILES",
        "SYSTEMDRIVE",
        "SYSTEMROOT",
        "TEMP",
        "USERNAME",
        "USERPROFILE",
    ]
} else {
    &["HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"]
};

/// Program, arguments and environment of a server.
#[derive(Clone)]
pub(super) struct Program {
    pub(super) program: OsString,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) directory: Option<std::path::PathBuf>,
    pub(super) inherits_environment: bool,
    pub(super) inherits_stderr: bool,
}

impl Program {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        if !self.inherits_environment {
            command.env_clear();
            let inherited =
                INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
            command.envs(inherited);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let stderr = if self.inherits_stderr { Stdio::inherit() } else { Stdio::piped() };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true);
        // Launchers such as `npx` start the server as a process of their own.
        #[cfg(unix)]
        command.process_group(0);
        command
    }
}

/// Connection to a child process.
pub(super) struct ChildTransport {
    lines: FramedRead<ChildStdout, LinesCodec>,
    input: Arc<Mutex<Option<ChildStdin>>>,
    group: Group,
    stderr: Option<JoinHandle<()>>,
    noise: usize,
    fate: Fate,
}

impl ChildTransport {
    pub(super) fn start(program: &Program, fate: Fate) -> io::Result<Self> {
        let mut child = program.command().spawn()?;
        let missing = || io::Error::other("the pipes of the process are missing");
        let output = child.stdout.take().ok_or_else(missing)?;
        let input = child.stdin.take().ok_or_else(missing)?;
        let stderr = child.stderr.take();
        let stderr = stderr.map(|stderr| tokio::spawn(keep_end(stderr, fate.clone())));
        Ok(Self {
            lines: FramedRead::new(output, LinesCodec::new_with_max_length(MAX_LINE)),
            input: Arc::new(Mutex::new(Some(input))),
            group: Group::of(child),
            stderr,
            noise: 0,
            fate,
        })
    }

    /// Records how the process ended, once it has closed its output.
    async fn record_end(&mut self) {
        let status = timeout(EXIT, self.group.child.wait()).await;
        if let Some(stderr) = &mut self.stderr
            && timeout(EXIT, &mut *stderr).await.is_ok()
        {
            self.stderr = None;
        }
        self.fate.end(match status {
            Ok(Ok(status)) => format!("the server ended ({status})"),
            _ => "the server closed its output".to_owned(),
        });
    }

    /// Reads a line; `None` for one that is no message.
    fn read(&mut self, line: &str) -> Result<Option<RxJsonRpcMessage<RoleClient>>, String> {
        let line = line.trim();
        if line.starts_with('{') {
            return serde_json::from_str(line).map(Some).map_err(|error| {
                format!("the server sent an invalid message ({error}): {}", shown(line))
            });
        }
        if !line.is_empty() {
            self.noise += 1;
            self.fate.noise(line);
        }
        if self.noise > MAX_NOISE {
            return Err(format!("the server sent lines that are not messages: {}", shown(line)));
        }
        Ok(None)
    }
}

impl Transport<RoleClient> for ChildTransport {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let input = Arc::clone(&self.input);
        async move {
            let mut line = serde_json::to_vec(&message)?;
            line.push(b'\n');
            let mut input = input.lock().await;
            let input = input.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            input.write_all(&line).await?;
            input.flush().await
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            let read = match self.lines.next().await {
                Some(Ok(line)) => self.read(&line),
                Some(Err(error)) => Err(format!("cannot read from the server: {error}")),
                None => {
                    self.record_end().await;
                    return None;
                }
            };
            match read {
                Ok(None) => {}
                Ok(message) => return message,
                Err(fault) => {
                    self.fate.end(fault);
                    return None;
                }
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        // A server that does not read blocks the sender, which holds the lock; it is killed below.
        if let Ok(mut input) = self.input.try_lock() {
            input.take();
        }
        self.group.end().await
    }
}

/// A process and those that it has started. They end when this is dropped.
struct Group {
    child: Child,
    #[cfg(unix)]
    id: Option<rustix::process::Pid>,
}

impl Group {
    fn of(child: Child) -> Self {
        #[cfg(unix)]
        let id = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw);
        Self {
            child,
            #[cfg(unix)]
            id,
        }
    }

    /// Waits for the end; asks for it if that takes long, and then enforces it.
    async fn end(&mut self) -> io::Result<()> {
        if timeout(GRACE, self.child.wait()).await.is_err() {
            self.terminate();
            let _ = timeout(GRACE, self.child.wait()).await;
        }
        self.kill();
        self.child.wait().await.map(drop)
    }

    #[cfg(unix)]
    fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    #[cfg(not(unix))]
    fn terminate(&mut self) {
        let _ = self.child.start_kill();
    }

    /// Kills the process and all of its group that are left.
    fn kill(&mut self) {
        #[cfg(unix)]
        {
            self.signal(rustix::process::Signal::KILL);
            self.id = None;
        }
        let _ = self.child.start_kill();
    }

    /// A group without processes is no error.
    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(id) = self.id {
            let _ = rustix::process::kill_process_group(id, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Keeps the end of what a server writes to standard error.
async fn keep_end(mut stderr: ChildStderr, fate: Fate) {
    let mut bytes = [0; 1_024];
    while let Ok(length @ 1..) = stderr.read(&mut bytes).await {
        fate.stderr(&String::from_utf8_lossy(&bytes[..length]));
    }
}
