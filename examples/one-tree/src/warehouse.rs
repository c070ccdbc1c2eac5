//! A server of axum that asks a database and an agent of rig.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use raaf_tower::ServerLayer;
use rig_agent::Agent;
use sqlx::SqlitePool;

#[derive(Clone)]
struct Warehouse {
    stock: SqlitePool,
    keeper: Agent,
}

/// Creates the server.
pub(crate) fn app(layer: ServerLayer, stock: SqlitePool, keeper: Agent) -> Router {
    Router::new()
        .route("/stock/{item}", get(stock_of))
        .layer(layer)
        .with_state(Warehouse { stock, keeper })
}

/// Creates the database, in memory.
pub(crate) async fn stock() -> sqlx::Result<SqlitePool> {
    // A database in memory belongs to its connection.
    let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    let pool = pool.connect("sqlite::memory:").await?;
    sqlx::query("CREATE TABLE stock (item TEXT PRIMARY KEY, shelf INTEGER)").execute(&pool).await?;
    sqlx::query("INSERT INTO stock VALUES ('lamps', 7)").execute(&pool).await?;
    Ok(pool)
}

async fn stock_of(
    Path(item): Path<String>,
    State(warehouse): State<Warehouse>,
) -> Result<String, StatusCode> {
    let shelf = shelf_of(&warehouse.stock, &item).await.map_err(failed)?;
    let question = format!("How many {item} are on shelf {shelf}?");
    warehouse.keeper.prompt(question).await.map(|answer| answer.to_string()).map_err(failed)
}

// sqlx logs its queries in the span of `tracing` that is current: this one.
#[tracing::instrument(target = "warehouse", skip(stock), err)]
async fn shelf_of(stock: &SqlitePool, item: &str) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT shelf FROM stock WHERE item = ?").bind(item).fetch_one(stock).await
}

fn failed<E>(_: E) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}
