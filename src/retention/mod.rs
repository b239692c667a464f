//! What is kept, and what goes: chosen entries, and those that no rule keeps.
//!
//! A removal is a plan, and an executor of plans. Nothing is deleted: names move into the trash
//! (`refs/recell/trash/<when>/<entry name>`), where they keep their objects until gc, and from
//! where [`undo()`] brings them back. [`plan()`] is pure: entries with their objects ([`Stock`]),
//! [`Rules`], what is protected, and the time go in, and a [`Decision`] with its reasons comes out
//! for each entry.

mod automatic;
mod disk_usage;
mod objects;
mod pins;
mod plan;
mod protection;
mod prune;
mod reason;
mod remove;
mod rules;
mod stock;
#[cfg(test)]
mod tests;
mod undo;

pub use automatic::{AutomaticPrune, after_flush};
pub use disk_usage::{DiskUsage, UsageBy, UsageRow, disk_usage};
pub use objects::Purpose;
pub use pins::{PinReport, pin, pins, unpin};
pub use plan::{Decision, Plan, Unmet, plan};
pub use protection::Protection;
pub use prune::{Pruned, prune};
pub use reason::Reason;
pub use remove::{Removal, plan_removal, remove, remove_with_pins};
pub use rules::{Caps, Keep, Rules};
pub use stock::Stock;
pub use undo::{PastRemoval, removal_times, removals, undo};
