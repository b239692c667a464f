//! What no rule removes, whoever says so.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::reason::Reason;
use crate::name::EntryName;

/// Entries that stay whatever the rules say. It is gathered by whoever knows: pins are read by
/// [`super::pins`], the rest comes from the caller.
#[derive(Debug, Clone, Default)]
pub struct Protection {
    /// Those that somebody pinned.
    pub pins: HashSet<EntryName>,
    /// Those that `recell.lock` names, with where that is: `commit 1a2b3c4`, `the work tree`.
    pub locks: HashMap<EntryName, Arc<str>>,
    /// Those in a collection, with its name.
    pub collections: HashMap<EntryName, Arc<str>>,
    /// Those that a notebook, by its name, can still produce.
    pub closure: HashMap<EntryName, Arc<str>>,
}

impl Protection {
    /// Whether an entry stays.
    pub fn holds(&self, name: &EntryName) -> bool {
        self.pins.contains(name)
            || self.locks.contains_key(name)
            || self.collections.contains_key(name)
            || self.closure.contains_key(name)
    }

    /// Returns all that keeps an entry.
    pub(super) fn reasons(&self, name: &EntryName) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if self.pins.contains(name) {
            reasons.push(Reason::Pinned);
        }
        reasons.extend(self.locks.get(name).cloned().map(Reason::Locked));
        reasons.extend(self.collections.get(name).cloned().map(Reason::Collected));
        reasons.extend(self.closure.get(name).cloned().map(Reason::Closure));
        reasons
    }
}
