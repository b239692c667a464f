//! The integration tests: what recell promises, held against real git.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::format_collect,
    unreachable_pub,
    missing_docs,
    reason = "tests make files, run git and fail loudly"
)]

mod cli;
mod flushing;
mod notebooks;
mod reading;
mod sealing;
mod support;
