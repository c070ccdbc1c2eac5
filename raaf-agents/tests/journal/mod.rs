//! Journals, a model with a plan, tools with a ledger, and runs that are interrupted.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::{
    collections::BTreeMap,
    error::Error,
    pin::pin,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use futures::{future::BoxFuture, poll};
use raaf_agents::{
    FunctionTool, Journal, Message, Model, ModelError, ModelRequest, ModelResponse, RunContext,
    ToolCall, Usage,
};
use serde_json::Value as Json;
use tokio::task::yield_now;

/// A journal that awaits before and after its work, and fails the test if it does a step again.
#[derive(Clone, Default)]
pub(crate) struct InMemory(pub(crate) Arc<Mutex<BTreeMap<String, Json>>>);

#[async_trait]
impl Journal for InMemory {
    async fn step(
        &self,
        name: &str,
        work: BoxFuture<'_, Option<Json>>,
    ) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        yield_now().await;
        let known = self.0.lock().unwrap().get(name).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let result = work.await;
        if let Some(result) = &result {
            let before = self.0.lock().unwrap().insert(name.to_owned(), result.clone());
            assert_eq!(before, None, "`{name}` was done twice");
        }
        yield_now().await;
        Ok(result)
    }

    async fn known(&self, name: &str) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        yield_now().await;
        Ok(self.0.lock().unwrap().get(name).cloned())
    }
}

/// A journal whose store is full.
pub(crate) struct Broken;

#[async_trait]
impl Journal for Broken {
    async fn step(
        &self,
        _: &str,
        _: BoxFuture<'_, Option<Json>>,
    ) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        Err("disk full".into())
    }

    async fn known(&self, _: &str) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        Ok(None)
    }
}

/// A model that makes its turns in order, each after some awaits.
pub(crate) struct Planned(pub(crate) Vec<Vec<ToolCall>>);

#[async_trait]
impl Model for Planned {
    fn name(&self) -> &str {
        "planned"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        yield_now().await;
        let turn = request.messages.iter().filter(|message| message.tool_calls().count() > 0);
        let message = match self.0.get(turn.count()) {
            Some(calls) => Message::calls(calls.clone()),
            None => Message::assistant(format!("{} messages", request.messages.len())),
        };
        yield_now().await;
        Ok(ModelResponse::new(message).with_usage(Usage::new(3, 2)))
    }
}

/// Entries of the tools by the keys of their calls: how often each was done to its end.
pub(crate) type Ledger = Arc<Mutex<BTreeMap<String, u32>>>;

pub(crate) fn write(name: &str, ledger: &Ledger) -> FunctionTool {
    let ledger = Arc::clone(ledger);
    FunctionTool::with_context(name, "Writes.", move |context: RunContext, n: u32| {
        let ledger = Arc::clone(&ledger);
        async move {
            for _ in 0..n {
                yield_now().await;
            }
            let key = context.idempotency_key().unwrap();
            *ledger.lock().unwrap().entry(key).or_default() += 1;
            if n == 3 { Err("no luck") } else { Ok(n) }
        }
    })
}

pub(crate) fn turn(calls: &[(&str, Json)]) -> Vec<ToolCall> {
    let calls = calls.iter().enumerate();
    calls.map(|(at, (name, arguments))| ToolCall::new(format!("c{at}"), *name, arguments)).collect()
}

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Lets work go on for so many polls. Nothing is left of it but the journal, and what it stored.
pub(crate) async fn interrupted<T>(work: impl Future<Output = T>, polls: usize) {
    let mut work = pin!(work);
    for _ in 0..polls {
        if poll!(&mut work).is_ready() {
            break;
        }
        yield_now().await;
    }
}
