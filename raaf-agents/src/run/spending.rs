//! Usage, cost and calls, as they add up.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use raaf_trace_core::prices::Cost;

use super::limits::Counter;
use crate::{model::Usage, state::Spent};

/// What a run, or a tool call, has spent so far.
#[derive(Default)]
pub(super) struct Spending {
    usage: Mutex<BTreeMap<String, Usage>>,
    cost: Mutex<Cost>,
    pub(super) requests: Counter,
    pub(super) tool_calls: Counter,
}

impl Spending {
    pub(super) fn of(spent: Spent) -> Self {
        let Spent { usage, cost, requests, tool_calls } = spent;
        Self {
            usage: usage.into(),
            cost: cost.into(),
            requests: Counter::of(requests),
            tool_calls: Counter::of(tool_calls),
        }
    }

    pub(super) fn so_far(&self) -> Spent {
        Spent {
            usage: self.by_agent().clone(),
            cost: self.cost(),
            requests: self.requests.get(),
            tool_calls: self.tool_calls.get(),
        }
    }

    pub(super) fn by_agent(&self) -> MutexGuard<'_, BTreeMap<String, Usage>> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn cost(&self) -> Cost {
        *self.cost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a model call by an agent. It is counted as a request elsewhere.
    pub(super) fn add(&self, agent: &str, usage: Usage, cost: Cost) {
        *self.cost.lock().unwrap_or_else(PoisonError::into_inner) += cost;
        let mut by_agent = self.by_agent();
        match by_agent.get_mut(agent) {
            Some(sum) => *sum += usage,
            None => drop(by_agent.insert(agent.to_owned(), usage)),
        }
    }

    pub(super) fn add_all(&self, spent: &Spent) {
        for (agent, usage) in &spent.usage {
            self.add(agent, *usage, Cost::default());
        }
        *self.cost.lock().unwrap_or_else(PoisonError::into_inner) += spent.cost;
        self.requests.count(spent.requests);
        self.tool_calls.count(spent.tool_calls);
    }
}
