//! Runs let go of entries whose way back ends, so that their bytes can be given back.

use std::collections::BTreeSet;

use crate::clock::Timestamp;
use crate::collection::{Forgetting, plan_forgetting};
use crate::error::Result;
use crate::name::EntryName;
use crate::store::Store;

/// Says what becomes of runs when the trash from before `trash_before` goes. Nothing is changed.
///
/// # Errors
/// As [`crate::collection::protected`].
pub(super) fn forgetting(store: &Store, trash_before: Option<Timestamp>) -> Result<Forgetting> {
    let Some(before) = trash_before else { return Ok(Forgetting::default()) };
    let may_go = store.trash()?.into_iter().take_while(|(when, _)| *when < before);
    // What was put once more, or brought back, is not gone.
    let names = may_go.flat_map(|(_, entries)| entries).map(|(name, _)| name);
    let gone: BTreeSet<EntryName> = names.filter(|name| store.tree_of(name).is_none()).collect();
    plan_forgetting(store, &gone)
}
