//! Sync: results travel through any git remote, and two stores that met hold the union.
//!
//! What travels are ledgers (docs/design/004-sync.md): for each notebook and writer one chain of
//! commits whose tree holds entries by name.

mod local;
mod withhold;

pub use local::{LocalParts, local_parts};
pub use withhold::{Withheld, Withholding, plan_withholding, withhold};
