//! `rm`: chosen names move into the trash, all in one replacement of `packed-refs`.

use std::collections::{BTreeMap, HashSet};

use super::pins::pins;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::events::{Event, EventKind};
use crate::git::RefEdits;
use crate::name::EntryName;
use crate::store::{FlushedNames, Store, pin_ref, to_trash};

/// What is to be removed: a plan until it was carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// The entries that go, sorted by name.
    pub removed: Vec<EntryName>,
    /// Names that nothing is stored under.
    pub unknown: Vec<EntryName>,
    /// Entries in the journal of another process that is still writing: remove them once it has
    /// flushed.
    pub busy: Vec<EntryName>,
    /// Entries that stay, as they are pinned.
    pub pinned: Vec<EntryName>,
}

/// Says what removing `names` would do. Nothing is changed.
///
/// # Errors
/// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`] if the names cannot be read.
pub fn plan_removal(store: &Store, names: &[EntryName]) -> Result<Removal> {
    sort(store, names, &pins(store)?)
}

/// Moves `names` into the trash under the time `now`, from where they can come back until gc; says
/// which moved. Pinned ones stay.
///
/// The journal is flushed first, as only names that git knows can be moved.
///
/// # Errors
/// As [`Store::flush`]; then nothing was removed.
pub fn remove(store: &Store, names: &[EntryName], now: Timestamp) -> Result<Removal> {
    move_to_trash(store, names, now, &|| pins(store))
}

/// Moves `names` into the trash like [`remove`], pinned or not; their pins go.
///
/// # Errors
/// As [`remove`].
pub fn remove_with_pins(store: &Store, names: &[EntryName], now: Timestamp) -> Result<Removal> {
    move_to_trash(store, names, now, &|| Ok(HashSet::new()))
}

/// Moves `names` into the trash, but for those that `pins`, asked under the lock, says are pinned.
fn move_to_trash(
    store: &Store,
    names: &[EntryName],
    now: Timestamp,
    pins: &dyn Fn() -> Result<HashSet<EntryName>>,
) -> Result<Removal> {
    let mut removal = Removal::default();
    store.inner.change_refs(|flushed| {
        removal = sort(store, names, &pins()?)?;
        let (removed, busy) = std::mem::take(&mut removal.removed)
            .into_iter()
            .partition(|name| flushed.tree_of(name).is_some());
        removal.removed = removed;
        removal.busy = busy;
        edits(store, &removal.removed, flushed, now)
    })?;
    if let Some(log) = store.events() {
        let by_hand = |_: &EntryName, event: &mut Event| event.reason = Some("by_hand".into());
        log.note_entries(&EventKind::Prune, &removal.removed, by_hand);
    }
    Ok(removal)
}

/// Tells names that are stored from those that are not, and from those that are pinned.
fn sort(store: &Store, names: &[EntryName], pins: &HashSet<EntryName>) -> Result<Removal> {
    let found = store.inner.look(|index, own| {
        names
            .iter()
            .map(|name| (name.clone(), index.find(name.as_str(), own).is_some()))
            .collect::<BTreeMap<_, _>>()
    })?;
    let mut removal = Removal::default();
    for (name, is_there) in found {
        let list = match is_there {
            false => &mut removal.unknown,
            true if pins.contains(&name) => &mut removal.pinned,
            true => &mut removal.removed,
        };
        list.push(name);
    }
    Ok(removal)
}

/// Returns the edits that move tags into the trash, under `now` or the next moment that has no
/// removal yet: each comes back as a whole. The caller holds the lock.
pub(super) fn edits(
    store: &Store,
    names: &[EntryName],
    flushed: &FlushedNames<'_>,
    now: Timestamp,
) -> Result<RefEdits> {
    let when = store.moment_of_removal(now)?;
    let pinned = pins(store)?;
    let mut edits = RefEdits::default();
    for name in names {
        if let Some(tree) = flushed.tree_of(name) {
            to_trash(&mut edits, flushed, name, tree, when);
            if pinned.contains(name) {
                edits.remove.insert(pin_ref(name));
            }
        }
    }
    Ok(edits)
}
