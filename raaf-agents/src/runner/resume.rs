//! Agents of a run that is resumed.

use super::machine::fingerprint_of;
use crate::{
    agent::{Agent, Handoff},
    state::{CallStatus, Called, ResumeError, RunState},
};

/// Returns the agent that has paused: the given one, or one that it can hand over to.
pub(super) fn agent_of(first: &Agent, state: &RunState) -> Result<Agent, ResumeError> {
    let mut known = vec![first.clone()];
    let mut place = 0;
    let agent = loop {
        let Some(agent) = known.get(place).cloned() else {
            let known = known.iter().map(|agent| agent.name().to_owned()).collect();
            return Err(ResumeError::UnknownAgent { agent: state.agent().to_owned(), known });
        };
        if agent.name() == state.agent() {
            break agent;
        }
        for handoff in agent.handoffs() {
            if known.iter().all(|other| other.name() != handoff.target_name()) {
                known.push(handoff.target());
            }
        }
        place += 1;
    };
    // The tools of sources are not known yet.
    if agent.sources().is_empty() {
        check_calls(&agent, state)?;
    }
    Ok(agent)
}

/// Checks the tools of calls that have been held up.
pub(super) fn check_calls(agent: &Agent, state: &RunState) -> Result<(), ResumeError> {
    let mut open = state.calls().iter().filter(|called| !called.is_done());
    open.try_for_each(|called| check(agent, called))
}

/// Checks the tool of a call that has been held up.
fn check(agent: &Agent, called: &Called) -> Result<(), ResumeError> {
    let name = &called.call.name;
    if let Some(server) = &called.call.hosted_by {
        let is_known = agent.hosted_tools().iter().any(|tool| tool.label() == Some(server));
        let (agent, tool) = (agent.name().to_owned(), name.clone());
        return if is_known { Ok(()) } else { Err(ResumeError::UnknownTool { agent, tool }) };
    }
    let names = || (agent.name().to_owned(), name.clone());
    let mut handoffs = agent.handoffs().iter();
    let spec = if called.handoff {
        handoffs.find(|handoff| handoff.spec().name == *name).map(Handoff::spec)
    } else {
        agent.tool(name).map(|tool| tool.spec())
    };
    let is_held_up = called.parameters.is_some() || matches!(called.status, CallStatus::Paused(_));
    match spec {
        // The model learns that a tool which it made up does not exist.
        None if !is_held_up => return Ok(()),
        None => {
            let (agent, tool) = names();
            return Err(ResumeError::UnknownTool { agent, tool });
        }
        Some(spec)
            if called.parameters.is_some_and(|hash| hash != fingerprint_of(&spec.parameters)) =>
        {
            let (agent, tool) = names();
            return Err(ResumeError::ChangedTool { agent, tool });
        }
        Some(_) => {}
    }
    match (&called.status, agent.tool(name)) {
        (CallStatus::Paused(inner), Some(tool)) => tool.can_resume(inner),
        _ => Ok(()),
    }
}
