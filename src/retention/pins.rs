//! Pins: entries that stay until somebody says otherwise, as refs
//! `refs/recell/pin/<entry name>`, so that pins of two stores merge as names do.

use std::collections::HashSet;

use crate::error::Result;
use crate::git::{ObjectId, RefEdits};
use crate::name::EntryName;
use crate::store::{PIN_FOLDER, Store, pin_ref};

/// What pinning, or taking pins away, did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PinReport {
    /// Entries that are pinned now and were not, or the other way round.
    pub changed: Vec<EntryName>,
    /// Entries that were so already.
    pub unchanged: Vec<EntryName>,
    /// Names that nothing is stored under, or nothing that git knows of: an entry in the journal
    /// of another process can be pinned once that has flushed.
    pub unknown: Vec<EntryName>,
}

/// Returns the names of all pinned entries, whether they are here or not.
///
/// # Errors
/// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
pub fn pins(store: &Store) -> Result<HashSet<EntryName>> {
    let refs = store.refs_below(PIN_FOLDER)?;
    let name = |(name, _): (&String, _)| {
        EntryName::parse(name.strip_prefix(PIN_FOLDER)?.strip_prefix('/')?.to_owned()).ok()
    };
    Ok(refs.iter().filter_map(name).collect())
}

/// Pins entries: no rule removes them, and gc keeps what they stand on. The journal is flushed
/// first.
///
/// # Errors
/// As [`Store::flush`]; then nothing was pinned.
pub fn pin(store: &Store, names: &[EntryName]) -> Result<PinReport> {
    change(store, names, |name, tree, is_pinned, edits| match tree {
        None => Change::Unknown,
        Some(_) if is_pinned => Change::Unchanged,
        Some(tree) => {
            edits.add.insert(pin_ref(name), tree);
            Change::Made
        }
    })
}

/// Takes the pins of entries away; the entries stay.
///
/// # Errors
/// As [`Store::flush`]; then nothing changed.
pub fn unpin(store: &Store, names: &[EntryName]) -> Result<PinReport> {
    change(store, names, |name, tree, is_pinned, edits| {
        if is_pinned {
            edits.remove.insert(pin_ref(name));
            return Change::Made;
        }
        if tree.is_some() { Change::Unchanged } else { Change::Unknown }
    })
}

/// What became of one name.
enum Change {
    Made,
    Unchanged,
    Unknown,
}

/// Changes pins as `decide` says, which is given each name, its tree if it is here, and whether it
/// is pinned.
fn change(
    store: &Store,
    names: &[EntryName],
    decide: impl Fn(&EntryName, Option<ObjectId>, bool, &mut RefEdits) -> Change,
) -> Result<PinReport> {
    let mut report = PinReport::default();
    store.inner.change_refs(|flushed| {
        report = PinReport::default();
        let pinned = pins(store)?;
        let mut edits = RefEdits::default();
        for name in names {
            let is_pinned = pinned.contains(name);
            let group = match decide(name, flushed.tree_of(name), is_pinned, &mut edits) {
                Change::Made => &mut report.changed,
                Change::Unchanged => &mut report.unchanged,
                Change::Unknown => &mut report.unknown,
            };
            group.push(name.clone());
        }
        Ok(edits)
    })?;
    Ok(report)
}
