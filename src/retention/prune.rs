//! Carries out a plan: the names that go move into the trash, in one replacement of `packed-refs`.

use super::plan::Plan;
use super::protection::Protection;
use super::remove::edits;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::name::EntryName;
use crate::store::Store;

/// What carrying out a plan did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The entries that are in the trash now, sorted by name.
    pub removed: Vec<EntryName>,
    /// Entries that were to go and came under protection since the plan was made.
    pub spared: Vec<EntryName>,
    /// Entries that were to go and are not there any more, or are in the journal of another
    /// process that is still writing.
    pub missing: Vec<EntryName>,
}

/// Moves the entries that `plan` removes into the trash under the time `now`, from where they come
/// back with [`super::undo`] until gc.
///
/// `protection` is asked once more while nobody else changes names: what was protected since the
/// plan was made stays. Entries that arrived since are in no plan and stay, too.
///
/// # Errors
/// As [`Store::flush`], and those of `protection`; then nothing was removed.
pub fn prune(
    store: &Store,
    plan: &Plan,
    protection: &dyn Fn() -> Result<Protection>,
    now: Timestamp,
) -> Result<Pruned> {
    let mut pruned = Pruned::default();
    store.inner.change_refs(|flushed| {
        pruned = Pruned::default();
        let protection = protection()?;
        for name in plan.removed().map(|decision| &decision.name) {
            let list = if protection.holds(name) {
                &mut pruned.spared
            } else if flushed.tree_of(name).is_none() {
                &mut pruned.missing
            } else {
                &mut pruned.removed
            };
            list.push(name.clone());
        }
        edits(store, &pruned.removed, flushed, now)
    })?;
    Ok(pruned)
}
