//! Chats with an agent, driven by lines.

#![cfg(feature = "repl")]
#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

mod approvals;
#[path = "../common/mod.rs"]
mod common;
mod shown;
#[cfg(target_os = "linux")]
mod terminal;
mod turns;

use std::{
    io,
    sync::{Arc, Mutex},
};

use futures::stream;
use raaf_agents::{Agent, ModelRequest, Repl, ScriptedModel};

#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<u8>>>);

impl io::Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shown {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn chat(agent: &Agent, lines: &[&str]) -> (Repl, Shown) {
    let shown = Shown::default();
    let lines: Vec<_> = lines.iter().map(|line| Ok((*line).to_owned())).collect();
    (Repl::new(agent).input(stream::iter(lines)).output(shown.clone()), shown)
}

/// Returns what a chat shows.
async fn chatted(agent: &Agent, lines: &[&str]) -> String {
    let (chat, shown) = chat(agent, lines);
    chat.run().await.unwrap();
    shown.text()
}

/// A model that answers with the texts of the messages that it receives.
fn echo() -> ScriptedModel {
    ScriptedModel::from_fn("echo", |request: &ModelRequest| {
        let texts = request.messages.iter().map(|message| message.text().into_owned());
        texts.collect::<Vec<_>>().join(" / ")
    })
}
