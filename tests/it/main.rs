//! The integration tests: what recell promises, held against real git.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    reason = "tests make files, run git and fail loudly"
)]

mod flushing;
mod reading;
mod support;
