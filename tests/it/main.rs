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

mod asking_why;
mod beside_git;
mod bisecting;
mod bundling;
mod bystanders;
mod cli;
mod collecting;
mod collecting_garbage;
mod crash;
mod damage;
mod diffing;
mod disk_usage;
mod environment;
mod events;
mod filter;
mod flushing;
mod forgetting;
mod formats;
mod full_disk;
mod guarding;
mod importing;
mod interrupting_gc;
mod keeping_house;
mod layers;
mod layouts;
mod local_parts;
mod locking;
mod merging_folders;
mod notebooks;
mod processes;
mod pruning;
mod pulling;
mod pushing;
mod reading;
mod readme;
mod removing;
mod renaming;
mod repairing;
mod sealing;
mod selecting;
mod servers;
#[cfg(feature = "serve")]
mod serving;
mod static_remotes;
mod stats;
mod support;
mod syncing;
mod syncing_hosts;
mod syncing_meanwhile;
mod syncing_races;
mod syncing_random;
mod syncing_servers;
mod trusting;
