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
mod pull;
mod push;
mod remotes;
mod wanted_parts;

pub(crate) use forget::{ForgetPlan, forget, plan_forget};
pub(crate) use holders::Holders;
pub(crate) use known::KnownLedgers;
pub(crate) use pull::{PullOptions, PullReport, pull};
pub(crate) use push::{PushOptions, PushReport, push};
pub(crate) use remotes::{ChosenRemote, RemoteOrigin, choose};
