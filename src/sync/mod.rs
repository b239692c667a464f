//! Sync: results travel through any git remote, and two stores that met hold the union.
//!
//! What travels are ledgers (docs/design/004-sync.md): for each notebook and writer one chain of
//! commits whose tree holds entries by name.

mod extend;
mod forget;
mod forgotten;
mod holders;
mod known;
mod ledger_names;
mod ledger_tree;
mod local;
mod pull;
mod push;
mod remotes;
mod secrets;
pub(crate) mod static_remote;
pub mod trust;
mod wanted_parts;
mod withhold;

pub(crate) use forget::{ForgetPlan, forget, plan_forget};
pub(crate) use holders::Holders;
pub(crate) use known::KnownLedgers;
pub use local::{LocalParts, local_parts};
pub(crate) use pull::{PullOptions, PullReport, pull};
pub(crate) use push::{PushOptions, PushReport, push};
pub(crate) use remotes::{ChosenRemote, RemoteOrigin, choose};
pub use secrets::{
    EntryFindings, Finding, PartFinding, ScanReport, find_secrets, is_finding_digest, scan_entries,
    secret_rules,
};
pub use withhold::{Withheld, Withholding, plan_withholding, withhold};
