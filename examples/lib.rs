//! Shared code of the documentation's tests. The examples are the files beside this one.

use std::num::ParseIntError;

use raaf_trace_core::{Component, Traceable, traced};

/// The workflow that `docs/testing.md` tests: a pipeline whose agent calls a tool.
#[derive(Traceable)]
pub struct Shop {
    component: Component,
    planner: Planner,
}

#[derive(Traceable)]
struct Planner {
    component: Component,
    search: Search,
}

#[derive(Traceable)]
struct Search {
    component: Component,
}

/// Creates a [`Shop`].
#[must_use]
pub fn shop() -> Shop {
    let search = Search { component: Component::tool("search") };
    let planner = Planner { component: Component::agent("Planner"), search };
    Shop { component: Component::pipeline("Shop"), planner }
}

impl Shop {
    /// Plans a purchase.
    ///
    /// # Errors
    ///
    /// If `wish` is not a number.
    #[traced]
    pub fn run(&self, wish: &str) -> Result<u32, ParseIntError> {
        self.planner.plan(wish)
    }
}

impl Planner {
    #[traced]
    fn plan(&self, wish: &str) -> Result<u32, ParseIntError> {
        self.search.find(wish)
    }
}

impl Search {
    #[traced(with(query))]
    fn find(&self, query: &str) -> Result<u32, ParseIntError> {
        query.parse()
    }
}

/// Compiles and runs the code on the project's pages.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;

    #[doc = include_str!("../raaf-trace-core/README.md")]
    struct Core;

    #[doc = include_str!("../raaf-agents/README.md")]
    struct AgentsCrate;

    #[doc = include_str!("../raaf-processors/README.md")]
    struct Processors;

    #[doc = include_str!("../raaf-processors/opentelemetry/README.md")]
    struct OpenTelemetryCrate;

    #[doc = include_str!("../raaf-processors/tower/README.md")]
    struct Tower;

    #[doc = include_str!("../raaf-testkit/README.md")]
    struct Testkit;

    #[doc = include_str!("../docs/guide/README.md")]
    struct Guide;

    #[doc = include_str!("../docs/guide/getting-started.md")]
    struct GettingStarted;

    #[doc = include_str!("../docs/guide/calls.md")]
    struct Calls;

    #[doc = include_str!("../docs/guide/components.md")]
    struct Components;

    #[doc = include_str!("../docs/guide/trees.md")]
    struct Trees;

    #[doc = include_str!("../docs/guide/context.md")]
    struct Context;

    #[doc = include_str!("../docs/guide/http.md")]
    struct Http;

    #[doc = include_str!("../docs/guide/opentelemetry.md")]
    struct OpenTelemetry;

    #[doc = include_str!("../docs/guide/selection.md")]
    struct Selection;

    #[doc = include_str!("../docs/guide/manual-spans.md")]
    struct ManualSpans;

    #[doc = include_str!("../docs/guide/tracing.md")]
    struct Tracing;

    #[doc = include_str!("../raaf-processors/tracing/README.md")]
    struct TracingCrate;

    #[doc = include_str!("../docs/guide/settings.md")]
    struct Settings;

    #[doc = include_str!("../docs/guide/sinks.md")]
    struct Sinks;

    #[doc = include_str!("../docs/guide/production.md")]
    struct Production;

    #[doc = include_str!("../docs/guide/troubleshooting.md")]
    struct Troubleshooting;

    #[doc = include_str!("../docs/guide/agents.md")]
    struct Agents;

    #[doc = include_str!("../docs/guide/pipelines.md")]
    struct Pipelines;

    #[doc = include_str!("../docs/guide/pausing.md")]
    struct Pausing;

    #[doc = include_str!("../docs/guide/trying.md")]
    struct Trying;

    #[doc = include_str!("../docs/guide/mcp.md")]
    struct Mcp;

    #[doc = include_str!("../docs/guide/looking.md")]
    struct Looking;

    #[doc = include_str!("../docs/sinks.md")]
    struct WritingASink;

    #[doc = include_str!("../docs/testing.md")]
    struct Testing;

    #[doc = include_str!("../CONTRIBUTING.md")]
    struct Contributing;
}
