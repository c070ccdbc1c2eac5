//! Description of a server to connect to.

use std::{
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    McpConnection,
    lines::{Input, Output},
    process::Program,
};
use crate::{
    mcp::{McpError, secrets::Secrets},
    tool::Approval,
};

const CONNECT: Duration = Duration::from_secs(30);
const REQUEST: Duration = Duration::from_secs(60);

/// Description of an MCP server: how to reach it, and how an agent sees its tools.
///
/// The following values are treated as secrets if they have at least 8 bytes: those of environment
/// variables and headers that are set here, and in the URL the password (or a user name without a
/// password) and the values of the query. They appear in no span, error or log, and are removed from what
/// the server returns, so that neither the model nor a session sees them.
///
/// # Examples
///
/// ```no_run
/// use raaf_agents::{Approval, mcp::McpServer};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let tracker = McpServer::http("https://tracker.example/mcp")
///     .bearer("a token")
///     .prefix("tracker_")
///     .except(["delete_project"])
///     .approval(["close_issue"], Approval::always())
///     .connect()
///     .await?;
/// println!("{:?}", tracker.tools().await?);
/// tracker.close().await;
/// # Ok::<(), raaf_agents::mcp::McpError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a server is not used until `connect` is called"]
pub struct McpServer {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) view: View,
    secrets: Vec<String>,
    fault: Option<String>,
}

/// Location of a server.
pub(super) enum Place {
    Process(Program),
    Io(Output, Input),
    Http {
        url: Url,
        headers: HeaderMap,
    },
    /// The URL is invalid.
    Nowhere,
}

/// View that an agent has of a server's tools.
#[derive(Clone, Default)]
pub(super) struct View {
    pub(super) prefix: String,
    only: Option<Vec<String>>,
    except: Vec<String>,
    approval: Approval,
    approvals: Vec<(Vec<String>, Approval)>,
}

impl View {
    pub(super) fn shows(&self, tool: &str) -> bool {
        let is_in = |names: &[String]| names.iter().any(|name| name == tool);
        self.only.as_deref().is_none_or(is_in) && !is_in(&self.except)
    }

    /// Returns the names of required tools.
    pub(super) fn wanted(&self) -> &[String] {
        self.only.as_deref().unwrap_or_default()
    }

    pub(super) fn approval_of(&self, tool: &str) -> Approval {
        let named = |(names, _): &&(Vec<String>, _)| names.iter().any(|name| name == tool);
        let found = self.approvals.iter().rev().find(named);
        found.map_or(&self.approval, |(_, approval)| approval).clone()
    }
}

impl McpServer {
    /// Describes a server that is started as a child process and communicates over its standard input and
    /// output.
    ///
    /// The process inherits the environment variables that it needs to run, such as `PATH` and `HOME`, and
    /// no others, unless they are [set](Self::env) or [all inherited](Self::inherit_env). On Unix it has a
    /// process group of its own, which ends with the connection.
    pub fn stdio<A: AsRef<OsStr>>(
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let program = program.as_ref().to_owned();
        let name = Path::new(&program).file_stem().unwrap_or(&program);
        let name = name.to_string_lossy().into_owned();
        let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned());
        let program = Program {
            path: program,
            arguments: arguments.collect(),
            environment: Vec::new(),
            directory: None,
            inherits_environment: false,
            inherits_stderr: false,
        };
        Self::new(name, Place::Process(program), None)
    }

    /// Describes a server behind HTTP (the transport "streamable HTTP"), by its URL, such as
    /// `http://127.0.0.1:8000/mcp`.
    pub fn http(url: impl AsRef<str>) -> Self {
        match Url::parse(url.as_ref()) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                let name = url.host_str().unwrap_or_default().to_owned();
                let mut secrets: Vec<String> =
                    url.query_pairs().map(|(_, value)| value.into_owned()).collect();
                // A user without a password may be a token.
                secrets.push(url.password().unwrap_or(url.username()).to_owned());
                let mut server =
                    Self::new(name, Place::Http { url, headers: HeaderMap::new() }, None);
                server.secrets = secrets;
                server
            }
            // The URL is not in the message: it may have a key.
            _ => {
                let fault = "the URL is invalid; expected one like `http://127.0.0.1:8000/mcp`";
                Self::new("http".to_owned(), Place::Nowhere, Some(fault.to_owned()))
            }
        }
    }

    /// Describes a server at the other end of a pair of streams, such as a socket or a service in this
    /// process.
    ///
    /// ```
    /// use raaf_agents::{FunctionTool, Tool as _, mcp::{McpServer, McpService}};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// let (here, there) = tokio::io::duplex(4_096);
    /// let (input, output) = tokio::io::split(there);
    /// let tide = FunctionTool::infallible("tide", "Returns the tide.", |(): ()| async { "high" });
    /// tokio::spawn(McpService::new("port-office").tool(tide).serve_io(input, output));
    ///
    /// let (output, input) = tokio::io::split(here);
    /// let office = McpServer::io("port-office", output, input).connect().await?;
    /// let tools = office.tools().await?;
    /// assert_eq!(tools[0].call(serde_json::json!({})).await?, "high");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn io(
        name: impl Into<String>,
        output: impl AsyncRead + Send + Unpin + 'static,
        input: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        Self::new(name.into(), Place::Io(Box::new(output), Box::new(input)), None)
    }

    fn new(name: String, place: Place, fault: Option<String>) -> Self {
        Self {
            name,
            place,
            connect_timeout: CONNECT,
            timeout: REQUEST,
            view: View::default(),
            secrets: Vec::new(),
            fault,
        }
    }

    /// Sets the name of the server in spans and errors; the default is that of the program or the host.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets a variable of the server's environment. Its value is a secret if it has at least 8 bytes.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let value = value.as_ref();
        self.secrets.push(value.to_string_lossy().into_owned());
        self.public_env(name, value)
    }

    /// Sets a variable of the server's environment whose value may appear in results and errors.
    pub fn public_env(self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let pair = (name.as_ref().to_owned(), value.as_ref().to_owned());
        self.program(".env", |program| program.environment.push(pair))
    }

    /// Passes the whole environment of this process on to the server, including any keys of other services.
    /// Only values set by [`env`](Self::env) are treated as secrets.
    pub fn inherit_env(self) -> Self {
        self.program(".inherit_env", |program| program.inherits_environment = true)
    }

    /// Sets the working directory of the server.
    pub fn directory(self, directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        self.program(".directory", |program| program.directory = Some(directory))
    }

    /// Lets the server write to the standard error of this process. By default, its standard error is
    /// captured, and the end of it is part of the error if the server ends.
    pub fn inherit_stderr(self) -> Self {
        self.program(".inherit_stderr", |program| program.inherits_stderr = true)
    }

    fn program(mut self, setting: &str, change: impl FnOnce(&mut Program)) -> Self {
        if let Place::Process(program) = &mut self.place {
            change(program);
        } else {
            self.misconfigured(format!("`{setting}` needs a server made by `McpServer::stdio`"));
        }
        self
    }

    /// Sets a header of all requests. Its value is a secret if it has at least 8 bytes.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let (name, value) = (name.as_ref(), value.as_ref());
        self.secrets.push(value.to_owned());
        // A scheme such as `Bearer` is followed by the secret.
        self.secrets.extend(value.split_once(' ').map(|(_, secret)| secret.to_owned()));
        let parsed =
            HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
        match (parsed, &mut self.place) {
            (Some((name, mut value)), Place::Http { headers, .. }) => {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
            (None, _) => {
                self.misconfigured(format!(
                    "the header `{name}` is invalid; expected visible ASCII"
                ));
            }
            (_, Place::Nowhere) => {}
            (_, Place::Process(_) | Place::Io(..)) => {
                self.misconfigured("`.header` needs a server made by `McpServer::http`".to_owned());
            }
        }
        self
    }

    /// Sets the header `Authorization: Bearer TOKEN`.
    pub fn bearer(self, token: impl AsRef<str>) -> Self {
        self.header(AUTHORIZATION.as_str(), format!("Bearer {}", token.as_ref()))
    }

    /// Records the first fault.
    fn misconfigured(&mut self, fault: String) {
        self.fault.get_or_insert(fault);
    }

    /// Sets the time limit for the start of the server and the handshake; the default is 30 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the time limit of each request, such as a tool call; the default is 60 seconds. When it
    /// expires, the request is cancelled at the server.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets a prefix for the tools' names, which keeps the tools of several servers apart.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.view.prefix = prefix.into();
        self
    }

    /// Offers only the tools with these names, without the prefix.
    pub fn only<N: Into<String>>(mut self, tools: impl IntoIterator<Item = N>) -> Self {
        self.view.only = Some(tools.into_iter().map(Into::into).collect());
        self
    }

    /// Leaves out the tools with these names, without the prefix.
    pub fn except<N: Into<String>>(mut self, tools: impl IntoIterator<Item = N>) -> Self {
        self.view.except.extend(tools.into_iter().map(Into::into));
        self
    }

    /// Sets when calls of the tools with these names, without the prefix, pause the run until a person
    /// approves or rejects them. For a tool that is named repeatedly, the last setting applies.
    pub fn approval<N: Into<String>>(
        mut self,
        tools: impl IntoIterator<Item = N>,
        approval: Approval,
    ) -> Self {
        self.view.approvals.push((tools.into_iter().map(Into::into).collect(), approval));
        self
    }

    /// Sets when calls of tools that [`approval`](Self::approval) does not name pause the run; the default
    /// is never.
    pub fn approval_of_all(mut self, approval: Approval) -> Self {
        self.view.approval = approval;
        self
    }

    /// Starts the server, or connects to it, in a span named `initialize`.
    ///
    /// The connection runs on a task of its own, and closes when its last [`McpConnection`] and its last
    /// [`McpTool`](crate::mcp::McpTool) are dropped.
    ///
    /// # Errors
    ///
    /// If a setting is invalid, or the server cannot be started or reached, does not speak the protocol,
    /// or does not answer in time.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, and in one without I/O or a timer (`enable_all` of
    /// `tokio::runtime::Builder`).
    pub async fn connect(mut self) -> Result<McpConnection, McpError> {
        if let Some(message) = self.fault.take() {
            return Err(McpError::Config { server: self.name, message });
        }
        let secrets = Secrets::new(std::mem::take(&mut self.secrets));
        McpConnection::open(self, secrets).await
    }
}

/// Shows no arguments, variables, headers or URLs.
impl fmt::Debug for McpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpServer").field("name", &self.name).finish_non_exhaustive()
    }
}
