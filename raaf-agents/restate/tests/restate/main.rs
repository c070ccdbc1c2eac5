//! Durable runs on a real server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends here")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]
#![allow(clippy::panic, reason = "how a test fails")]
#![allow(missing_docs, reason = "the macro of the SDK documents nothing")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

mod approvals;
mod example;
mod failures;
mod kills;
mod runs;
mod server;
mod trees;
mod work;
mod worker;
mod workers;
