//! Queries of sqlx, with the layer's default directives.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::{str::FromStr as _, time::Duration};

use log::LevelFilter;
use raaf_testkit::{Capture, Spans, assert_span_tree};
use raaf_trace_core::{Component, Traceable as _};
use sqlx::{
    ConnectOptions as _,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

mod support;

/// Place of a query.
enum Inside {
    /// In a span of `tracing`.
    Tracing,
    /// In a traced call, without a span of `tracing`.
    Call,
}

/// Runs a query in an agent's span.
async fn queried(options: SqliteConnectOptions, inside: Inside, sql: &'static str) -> Spans {
    support::subscribe("");
    // A database in memory belongs to its connection.
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.connect_with(options).await.unwrap();
    let capture = Capture::new();
    let agent = Component::agent("Clerk");
    let work = async {
        let _ = match inside {
            Inside::Tracing => query(&pool, sql).await,
            Inside::Call => sqlx::query(sql).execute(&pool).await.map(drop),
        };
    };
    capture.run_async(agent.in_span("run", work)).await;
    // SQLite works in a thread of its own; after this, it has left the span.
    pool.close().await;
    capture.spans_async().await
}

#[tracing::instrument(target = "shop", skip_all, err)]
async fn query(pool: &sqlx::SqlitePool, sql: &'static str) -> sqlx::Result<()> {
    sqlx::query(sql).execute(pool).await.map(drop)
}

fn in_memory() -> SqliteConnectOptions {
    SqliteConnectOptions::from_str("sqlite::memory:").unwrap()
}

#[tokio::test]
async fn queries_are_not_recorded_by_default() {
    assert_span_tree!(queried(in_memory(), Inside::Tracing, "SELECT 1").await, {
        agent "Clerk" { component "shop".query [unset, !event "log"] }
    });
}

#[tokio::test]
async fn queries_that_sqlx_logs_at_info_are_events_of_the_span_around_them() {
    let options = in_memory().log_statements(LevelFilter::Info);
    assert_span_tree!(queried(options, Inside::Tracing, "SELECT 1").await, {
        agent "Clerk" {
            component "shop".query [
                event "log" [
                    "target" = "sqlx::query", "level" = "INFO", "summary" = "SELECT 1",
                    "rows_returned" = 1,
                ]
            ]
        }
    });
}

#[tokio::test]
async fn slow_queries_are_warnings() {
    let options = in_memory().log_slow_statements(LevelFilter::Warn, Duration::ZERO);
    assert_span_tree!(queried(options, Inside::Tracing, "SELECT 1").await, {
        agent "Clerk" {
            component "shop".query [event "log" ["target" = "sqlx::query", "level" = "WARN"]]
        }
    });
}

#[tokio::test]
async fn the_thread_of_sqlite_knows_only_spans_of_tracing() {
    let options = in_memory().log_statements(LevelFilter::Info);
    assert_span_tree!(queried(options, Inside::Call, "SELECT 1").await, {
        agent "Clerk" [!event "log"]
    });
}

#[tokio::test]
async fn a_query_that_fails_is_an_error_of_an_instrumented_function() {
    assert_span_tree!(queried(in_memory(), Inside::Tracing, "SELECT x").await, {
        agent "Clerk" { component "shop".query [error, event "exception" ["level" = "ERROR"]] }
    });
}
