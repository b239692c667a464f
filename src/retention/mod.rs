//! What is kept, and what goes. For now: entries that somebody chose to remove.
//!
//! A removal is a plan, and an executor of plans. Nothing is deleted: names move into the trash
//! (`refs/recell/trash/<when>/<entry name>`), where they keep their objects until gc.

mod remove;

pub use remove::{Removal, plan_removal, remove};
