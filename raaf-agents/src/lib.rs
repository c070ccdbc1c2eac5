//! Agents, tools, runners and pipelines with coherent tracing built in.
