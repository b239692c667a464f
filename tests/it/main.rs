//! The integration tests: what recell promises, held against real git.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::case_sensitive_file_extension_comparisons,
    clippy::format_collect,
    unreachable_pub,
    missing_docs,
    reason = "tests make files, run git and fail loudly"
)]

mod beside_git;
mod cli;
mod crash;
mod damage;
mod environment;
mod filter;
mod flushing;
mod formats;
mod full_disk;
mod layers;
mod notebooks;
mod processes;
mod reading;
mod readme;
mod removing;
mod sealing;
mod selecting;
mod support;
