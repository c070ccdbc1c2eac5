//! `stats`: spans by kind, component, model or error, and scores.

use std::{collections::HashMap, time::Duration};

use serde::Serialize;

use super::{Found, agents, group::Group, scores};
use crate::{
    args::{By, Stats},
    input::{Facts, Scan},
    print::{self, Printer},
};

#[derive(Serialize)]
struct Shown<'a> {
    group: &'a str,
    spans: usize,
    errors: u64,
    p50_ms: f64,
    p95_ms: f64,
    max_ms: f64,
    total_ms: f64,
    input_tokens: u64,
    output_tokens: u64,
    /// In US dollars; null if that of no call is known.
    cost: Option<f64>,
    /// Model calls whose cost is unknown.
    unpriced: u64,
}

fn group_of(by: By, facts: &Facts<'_>) -> Option<String> {
    match by {
        By::Kind => Some(facts.kind.to_string()),
        By::Component => Some(format!("{} {}", facts.kind, facts.component)),
        // An agent may have the model of its calls, which would count twice.
        By::Model if facts.kind == agents::KIND => None,
        By::Model => facts.model.as_deref().map(str::to_owned),
        By::Error => facts.error_type.as_deref().map(str::to_owned),
        By::Score => None,
    }
}

pub(super) fn run(stats: &Stats, printer: &mut Printer) -> anyhow::Result<Found> {
    if stats.by == By::Score {
        return scores::run(stats, printer);
    }
    let has_agents = matches!(stats.by, By::Kind | By::Component);
    let input = stats.files.input()?;
    let input = if has_agents { input.rereadable()? } else { input };
    let group_of = |facts: &Facts<'_>| {
        let fits = facts.start.is_some_and(|start| stats.period.contains(start.into()));
        if fits { group_of(stats.by, facts) } else { None }
    };
    let begin = || (HashMap::<String, Group>::new(), agents::Traces::default());
    let (parts, faults) = Scan::of(&input).lines(begin, |(groups, traces), line| {
        let Some(facts) = Facts::read(line)? else { return Ok(()) };
        if has_agents {
            traces.add(&facts);
        }
        if let Some(end) = facts.end
            && let Some(name) = group_of(&facts)
        {
            let cost = facts.cost(input.prices());
            groups.entry(name).or_default().add(end, facts.usage(), cost);
        }
        Ok(())
    })?;
    let (mut all, mut traces) = begin();
    for (groups, more) in parts {
        for (name, group) in groups {
            all.entry(name).or_default().merge(group);
        }
        traces.merge(more);
    }
    traces.usage(&input, group_of, |name, tokens, cost| {
        if let Some(group) = all.get_mut(name) {
            group.add_usage(tokens, cost);
        }
    })?;
    let mut groups: Vec<_> = all.into_iter().collect();
    for (_, group) in &mut groups {
        group.sort();
    }
    groups.sort_by(|(one, a), (other, b)| b.total().cmp(&a.total()).then(one.cmp(other)));
    if printer.json {
        let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
        for (name, group) in &groups {
            printer.object(&Shown {
                group: name,
                spans: group.count(),
                errors: group.errors,
                p50_ms: millis(group.quantile(50)),
                p95_ms: millis(group.quantile(95)),
                max_ms: millis(group.quantile(100)),
                total_ms: millis(group.total()),
                input_tokens: group.tokens.input,
                output_tokens: group.tokens.output,
                cost: group.cost.usd(),
                unpriced: group.cost.unknown_calls(),
            })?;
        }
    } else if !groups.is_empty() {
        let by = match stats.by {
            By::Kind => "KIND",
            By::Component => "COMPONENT",
            By::Model => "MODEL",
            By::Error => "ERROR",
            By::Score => "SCORE",
        };
        let head =
            [by, "SPANS", "ERRORS", "P50", "P95", "MAX", "TOTAL", "TOKENS IN", "OUT", "COST"];
        let rows = groups.iter().map(|(name, group)| {
            [
                print::name(name),
                group.count().to_string(),
                print::count(group.errors),
                print::duration(group.quantile(50)),
                print::duration(group.quantile(95)),
                print::duration(group.quantile(100)),
                print::duration(group.total()),
                print::count(group.tokens.input),
                print::count(group.tokens.output),
                group.cost.to_string(),
            ]
        });
        printer.table(head, &[1, 2, 3, 4, 5, 6, 7, 8, 9], rows)?;
    }
    printer.tell(&faults);
    Ok(Found::any(!groups.is_empty()))
}
