//! Sync: results travel through any git remote, and two stores that met hold the union.
//!
//! What travels are ledgers (docs/design/004-sync.md): for each notebook and writer one chain of
//! commits whose tree holds entries by name.

mod bringing;
mod extend;
mod fetch;
mod forget;
mod forgotten;
mod holders;
mod known;
mod lazy;
mod ledger_names;
mod ledger_tree;
mod pull;
mod push;
mod remotes;
mod secrets;
pub mod trust;
mod wanted_parts;

pub(crate) use fetch::{fetch, prefetch};
pub(crate) use forget::{ForgetPlan, forget, plan_forget};
pub(crate) use holders::Holders;
pub(crate) use known::KnownLedgers;
pub use lazy::lazy_parts;
pub(crate) use pull::{PullOptions, pull};
pub(crate) use push::{PushOptions, PushReport, push};
pub(crate) use remotes::{ChosenRemote, RemoteOrigin, choose};
pub use secrets::{
    EntryFindings, Finding, PartFinding, ScanReport, find_secrets, is_finding_digest, scan_entries,
    secret_rules,
};
