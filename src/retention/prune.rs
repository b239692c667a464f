//! Carries out a plan: the names that go move into the trash, in one replacement of `packed-refs`.

use std::collections::HashMap;

use super::plan::Plan;
use super::protection::Protection;
use super::reason::Reason;
use super::remove::edits;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::events::EventKind;
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
    prune_as(&EventKind::Prune, store, plan, protection, now)
}

/// Does what [`prune`] does, and calls it so in the log of events.
pub(super) fn prune_as(
    kind: &EventKind,
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
    if let Some(log) = store.events() {
        let reasons: HashMap<&EntryName, &[Reason]> =
            plan.removed().map(|it| (&it.name, it.reasons.as_slice())).collect();
        log.note_entries(kind, &pruned.removed, |name, event| {
            let reason = reasons.get(name).and_then(|reasons| reasons.first());
            event.reason = reason.map(|reason| reason.code().into());
            event.detail = reason.map(|reason| reason.about(name).to_string());
        });
    }
    Ok(pruned)
}
