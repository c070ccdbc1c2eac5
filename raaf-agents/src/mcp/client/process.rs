//! Servers that are child processes, and their end without processes left behind.

use std::{
    ffi::OsString,
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::AsyncReadExt as _,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
    time::timeout,
};

use super::fate::Fate;
use crate::mcp::secrets::Secrets;

/// Time for a server to exit by itself when its input is closed, and again when it is asked to.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// Time for a server that has closed its output to exit.
const EXIT: Duration = Duration::from_millis(500);

/// Variables of this process that each server inherits. None of them holds secrets.
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
    pub(super) path: OsString,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) directory: Option<PathBuf>,
    pub(super) inherits_environment: bool,
    pub(super) inherits_stderr: bool,
}

impl Program {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
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

/// Pipes of a process.
pub(super) struct Pipes {
    pub(super) output: ChildStdout,
    pub(super) input: ChildStdin,
}

impl Program {
    /// Starts the process. Secrets are hidden in what it writes to standard error.
    pub(super) fn start(&self, fate: Fate, secrets: Secrets) -> io::Result<(Pipes, Group)> {
        let mut child = self.command().spawn()?;
        let (output, input) = (child.stdout.take(), child.stdin.take());
        let stderr = child.stderr.take();
        let keeping = stderr.map(|stderr| tokio::spawn(keep_end(stderr, fate, secrets)));
        let group = Group::of(child, keeping);
        let missing = || io::Error::other("the pipes of the process are missing");
        let (output, input) = output.zip(input).ok_or_else(missing)?;
        Ok((Pipes { output, input }, group))
    }
}

/// A process and those that it has started. They end when this is dropped.
pub(super) struct Group {
    child: Child,
    stderr: Option<JoinHandle<()>>,
    #[cfg(unix)]
    id: Option<rustix::process::Pid>,
}

impl Group {
    fn of(child: Child, stderr: Option<JoinHandle<()>>) -> Self {
        #[cfg(unix)]
        let id = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw);
        Self {
            child,
            stderr,
            #[cfg(unix)]
            id,
        }
    }

    /// Returns the exit status of a process that has closed its output, unless it goes on. By then, its
    /// standard error has been read.
    pub(super) async fn exit(&mut self) -> Option<ExitStatus> {
        let status = timeout(EXIT, self.child.wait()).await.ok()?.ok()?;
        if let Some(stderr) = &mut self.stderr
            && timeout(EXIT, stderr).await.is_ok()
        {
            self.stderr = None;
        }
        Some(status)
    }

    /// Waits for the end; asks for it if that takes long, and then enforces it.
    pub(super) async fn end(&mut self) -> io::Result<()> {
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

    /// Kills the process and the rest of its group.
    fn kill(&mut self) {
        #[cfg(unix)]
        {
            self.signal(rustix::process::Signal::KILL);
            self.id = None;
        }
        let _ = self.child.start_kill();
    }

    /// A group without processes is not an error.
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

/// Keeps the end of a server's standard error.
async fn keep_end(mut stderr: ChildStderr, fate: Fate, secrets: Secrets) {
    let mut bytes = [0; 1_024];
    while let Ok(length @ 1..) = stderr.read(&mut bytes).await {
        fate.stderr(&String::from_utf8_lossy(&bytes[..length]), &secrets);
    }
}
