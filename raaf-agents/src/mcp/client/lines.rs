//! Messages by lines.

use std::{io, pin::pin, sync::Arc};

use futures::{
    StreamExt as _,
    future::{Either, select},
};
use rmcp::{
    RoleClient,
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    sync::Mutex,
    time::timeout,
};
use tokio_util::codec::{FramedRead, LinesCodec};

use super::{
    fate::{Fate, shown},
    process::{GRACE, Group},
};
use crate::mcp::secrets::Secrets;

/// Bound on the length of a message, in bytes.
const MAX_LINE: usize = 16 << 20;
/// Bound on the number of lines that are not messages.
const MAX_NOISE: usize = 100;

pub(super) type Input = Box<dyn AsyncWrite + Send + Unpin>;
pub(super) type Output = Box<dyn AsyncRead + Send + Unpin>;

/// Transport to a server over its input and output, which belong to a process or are given.
pub(super) struct LineTransport {
    lines: FramedRead<Output, LinesCodec>,
    input: Arc<Mutex<Option<Input>>>,
    group: Option<Group>,
    noise: usize,
    secrets: Secrets,
    fate: Fate,
}

impl LineTransport {
    pub(super) fn new(
        output: Output,
        input: Input,
        group: Option<Group>,
        secrets: Secrets,
        fate: Fate,
    ) -> Self {
        Self {
            lines: FramedRead::new(output, LinesCodec::new_with_max_length(MAX_LINE)),
            input: Arc::new(Mutex::new(Some(input))),
            group,
            noise: 0,
            secrets,
            fate,
        }
    }

    /// Records why the output ended.
    async fn record_end(&mut self) {
        let status = match &mut self.group {
            Some(group) => group.exit().await,
            None => None,
        };
        self.fate.end(match status {
            Some(status) => format!("the server ended ({status})"),
            None => "the server closed its output".to_owned(),
        });
    }

    fn parse(&self, line: &str) -> serde_json::Result<RxJsonRpcMessage<RoleClient>> {
        if self.secrets.is_empty() {
            return serde_json::from_str(line);
        }
        let mut message = serde_json::from_str(line)?;
        self.secrets.hide_in(&mut message);
        serde_json::from_value(message)
    }

    /// Reads a line; returns `None` if it is not a message.
    fn read(&mut self, line: &str) -> Result<Option<RxJsonRpcMessage<RoleClient>>, String> {
        let line = line.trim();
        if line.starts_with('{') {
            return self.parse(line).map(Some).map_err(|error| {
                format!("the server sent an invalid message ({error}): {}", self.quoted(line))
            });
        }
        if !line.is_empty() {
            self.noise += 1;
            self.fate.noise(self.quoted(line));
        }
        if self.noise > MAX_NOISE {
            let quoted = self.quoted(line);
            return Err(format!("the server sent lines that are not messages: {quoted}"));
        }
        Ok(None)
    }

    /// Returns the start of a line. Secrets are hidden first: a part of one is not recognized.
    fn quoted(&self, line: &str) -> String {
        shown(&self.secrets.hide(line))
    }
}

impl Transport<RoleClient> for LineTransport {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let (input, fate) = (Arc::clone(&self.input), self.fate.clone());
        async move {
            let mut line = serde_json::to_vec(&message)?;
            line.push(b'\n');
            let mut input = input.lock().await;
            let input = input.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            let written = async {
                input.write_all(&line).await?;
                input.flush().await
            };
            if written.await.is_err() {
                // The output of a server that has ended shows the reason.
                fate.came("it has closed its input".to_owned());
            }
            Ok(())
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
        // A message that is being written has the lock; if the server does not read, until it is killed.
        let input = Arc::clone(&self.input);
        let close_input = async { _ = input.lock().await.take() };
        let Some(group) = &mut self.group else {
            let _ = timeout(GRACE, close_input).await;
            return Ok(());
        };
        match select(pin!(group.end()), pin!(close_input)).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), end)) => end.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_at_the_end_of_a_quotation_is_hidden_whole() {
        let secrets = Secrets::new(["s3cr3t-token".to_owned()]);
        let (output, input) = (Box::new(tokio::io::empty()), Box::new(tokio::io::sink()));
        let fate = Fate::default();
        let mut transport = LineTransport::new(output, input, None, secrets, fate.clone());
        let line = format!("{} s3cr3t-token", "x".repeat(190));
        transport.read(&line).unwrap();
        let fault = transport.read(&format!("{{{line}")).unwrap_err();
        assert!(!fault.contains("s3cr3t"), "{fault}");
        assert!(!fate.instead().contains("s3cr3t"), "{}", fate.instead());
    }

    #[tokio::test]
    async fn the_input_is_closed_after_a_message_that_is_being_written() {
        let (output, input) = (Box::new(tokio::io::empty()), Box::new(tokio::io::sink()));
        let secrets = Secrets::new([]);
        let mut transport = LineTransport::new(output, input, None, secrets, Fate::default());
        let input = Arc::clone(&transport.input);
        let writing = input.lock().await;
        let written = async {
            tokio::task::yield_now().await;
            drop(writing);
        };
        let (closed, ()) = tokio::join!(transport.close(), written);
        closed.unwrap();
        assert!(input.lock().await.is_none());
    }
}
