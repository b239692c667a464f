//! Brings removed entries back, as long as they are in the trash.

use super::objects::Seen;
use super::stock::Stock;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::events::EventKind;
use crate::git::RefEdits;
use crate::index::Pattern;
use crate::name::EntryName;
use crate::store::{Store, entries_in, from_trash};

/// Entries that were removed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRemoval {
    /// When.
    pub when: Timestamp,
    /// The entries, sorted by name.
    pub names: Vec<EntryName>,
    /// The bytes on disk that only they stand on, of all that is in the trash: what gc gives back.
    pub bytes: u64,
}

/// Returns the removals that can be undone, oldest first.
///
/// # Errors
/// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
pub fn removals(store: &Store) -> Result<Vec<PastRemoval>> {
    let stock = Stock::read(store, &Pattern::all())?;
    let mut seen = Seen::none_of(&stock.objects);
    let entries = stock.entries.iter().flat_map(|entry| entry.roots.iter());
    for root in entries.chain(stock.named.iter().copied()) {
        seen.add(&stock.objects, root);
    }
    let mut removals: Vec<PastRemoval> = Vec::new();
    for ((when, name), roots) in &stock.trash {
        // What two removals share is counted to the first.
        let bytes = roots.iter().map(|root| seen.add(&stock.objects, root)).sum();
        match removals.last_mut().filter(|last| last.when == *when) {
            Some(removal) => {
                removal.names.push(name.clone());
                removal.bytes += bytes;
            }
            None => removals.push(PastRemoval { when: *when, names: vec![name.clone()], bytes }),
        }
    }
    Ok(removals)
}

/// Returns when something was removed that can come back, oldest first, with how many entries.
///
/// # Errors
/// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
pub fn removal_times(store: &Store) -> Result<Vec<(Timestamp, usize)>> {
    let trash = store.trash()?;
    Ok(trash.into_iter().map(|(when, entries)| (when, entries.len())).collect())
}

/// Brings back the entries that were removed at `when` and that match `only`; returns their names.
/// None come back if there was no such removal, or gc has collected it.
///
/// A name that was stored again meanwhile is the same content, so that nothing is in the way.
///
/// # Errors
/// As [`Store::flush`]; then nothing came back.
pub fn undo(store: &Store, when: Timestamp, only: &Pattern) -> Result<Vec<EntryName>> {
    let mut restored = Vec::new();
    store.inner.change_refs(|_| {
        let mut edits = RefEdits::default();
        let trashed = store.trash_refs()?;
        let entries = entries_in(&trashed).remove(&when).unwrap_or_default();
        for (name, tree) in entries.into_iter().filter(|(name, _)| only.matches(name)) {
            from_trash(&mut edits, &trashed, &name, tree, when);
            restored.push(name);
        }
        Ok(edits)
    })?;
    if let Some(log) = store.events() {
        log.note_entries(&EventKind::Undo, &restored, |_, _| {});
    }
    Ok(restored)
}
