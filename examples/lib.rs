//! The examples are the files beside this one; the library itself is empty.

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

    #[doc = include_str!("../docs/guide/selection.md")]
    struct Selection;

    #[doc = include_str!("../docs/guide/manual-spans.md")]
    struct ManualSpans;

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

    #[doc = include_str!("../docs/sinks.md")]
    struct WritingASink;

    #[doc = include_str!("../docs/testing.md")]
    struct Testing;

    #[doc = include_str!("../CONTRIBUTING.md")]
    struct Contributing;
}
