//! Sync: results travel through any git remote, and two stores that met hold the union.
//!
//! What travels are ledgers (docs/design/004-sync.md): for each notebook and writer one chain of
//! commits whose tree holds entries by name.

mod batches;
mod bringing;
mod contact;
mod extend;
mod extending;
mod fetch;
mod forget;
mod forgotten;
mod holders;
mod known;
mod lazy;
mod ledger_names;
mod ledger_tree;
mod local;
mod noting;
mod plain_tags;
mod pull;
mod push;
mod push_plan;
mod remote;
mod remotes;
mod secrets;
mod send;
mod settle;
mod standing;
pub(crate) mod static_remote;
mod tombstones;
pub mod trust;
mod wanted_parts;
mod withhold;

pub(crate) use fetch::{fetch, prefetch};
pub(crate) use forget::{ForgetPlan, forget, plan_forget};
pub(crate) use holders::Holders;
pub(crate) use known::KnownLedgers;
pub use lazy::lazy_parts;
pub use local::{LocalParts, local_parts};
pub(crate) use plain_tags::{TagsReport, push_tags};
pub(crate) use pull::{PullOptions, pull};
pub(crate) use push::{MissingThere, PushOptions, PushReport, push};
pub(crate) use push_plan::Inspection;
pub(crate) use remote::Remote;
pub(crate) use remotes::{ChosenRemote, RemoteOrigin, choose, is_static_address};
pub use secrets::{
    EntryFindings, Finding, PartFinding, ScanReport, find_secrets, is_finding_digest, scan_entries,
    secret_rules,
};
pub use settle::{Settled, before_sync, on_exit};
pub(crate) use standing::{entries_there, forget_remote, standing};
pub use withhold::{Withheld, Withholding, plan_withholding, withhold};
