//! Runs let go of entries whose way back ends, so that their bytes can be given back.

use std::collections::BTreeSet;

use crate::clock::Timestamp;
use crate::collection::{Forgetting, plan_forgetting};
use crate::error::Result;
use crate::name::EntryName;
use crate::store::{Store, TRASH_FOLDER};

/// Says what becomes of runs when the trash from before `trash_before` goes. Nothing is changed.
///
/// # Errors
/// As [`crate::collection::protected`].
pub(super) fn forgetting(store: &Store, trash_before: Option<Timestamp>) -> Result<Forgetting> {
    let Some(before) = trash_before else { return Ok(Forgetting::default()) };
    let mut gone = BTreeSet::new();
    for (reference, _) in store.refs_below(TRASH_FOLDER)? {
        let Some((when, name)) = read(&reference) else { continue };
        // What was put once more, or brought back, is not gone.
        if when < before && store.tree_of(&name).is_none() {
            gone.insert(name);
        }
    }
    plan_forgetting(store, &gone)
}

fn read(reference: &str) -> Option<(Timestamp, EntryName)> {
    let rest = reference.strip_prefix(TRASH_FOLDER)?.strip_prefix('/')?;
    let (when, name) = rest.split_once('/')?;
    Some((when.parse().ok()?, EntryName::parse(name.to_owned()).ok()?))
}
