//! The integration tests: what recell promises, held against real git.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests make files, run git and fail loudly"
)]

mod beside_git;
mod crash;
mod damage;
mod environment;
mod formats;
mod full_disk;
mod layers;
mod processes;
mod reading;
mod removing;
mod support;
