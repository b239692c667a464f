//! `rm`: chosen names move into the trash, all in one replacement of `packed-refs`.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::git::{ObjectId, RefEdits};
use crate::name::EntryName;
use crate::store::{Store, to_trash};

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
}

/// Says what removing `names` would do. Nothing is changed.
///
/// # Errors
/// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`] if the names cannot be read.
pub fn plan_removal(store: &Store, names: &[EntryName]) -> Result<Removal> {
    let found = store.inner.look(|index, own| {
        names
            .iter()
            .map(|name| (name, index.find(name.as_str(), own).is_some()))
            .map(|(name, is_there)| (name.clone(), is_there))
            .collect::<BTreeMap<_, _>>()
    })?;
    let (removed, unknown): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, there)| *there);
    let names = |list: Vec<(EntryName, bool)>| list.into_iter().map(|(name, _)| name).collect();
    Ok(Removal { removed: names(removed), unknown: names(unknown), busy: Vec::new() })
}

/// Moves `names` into the trash under the time `now`, from where they can come back until gc; says
/// which moved.
///
/// The journal is flushed first, as only names that git knows can be moved.
///
/// # Errors
/// As [`Store::flush`]; then nothing was removed.
pub fn remove(store: &Store, names: &[EntryName], now: Timestamp) -> Result<Removal> {
    let mut removal = Removal::default();
    store.inner.change_refs(|tree_of| {
        removal = sort(store, names, tree_of)?;
        Ok(edits(&removal.removed, tree_of, now))
    })?;
    Ok(removal)
}

/// Tells those of `names` that are tags from those that are not, or not yet.
fn sort(
    store: &Store,
    names: &[EntryName],
    tree_of: &dyn Fn(&str) -> Option<ObjectId>,
) -> Result<Removal> {
    let mut removal = plan_removal(store, names)?;
    let (removed, busy) =
        removal.removed.into_iter().partition(|name| tree_of(name.as_str()).is_some());
    removal.removed = removed;
    removal.busy = busy;
    Ok(removal)
}

fn edits(
    names: &[EntryName],
    tree_of: &dyn Fn(&str) -> Option<ObjectId>,
    now: Timestamp,
) -> RefEdits {
    let mut edits = RefEdits::default();
    for name in names {
        if let Some(tree) = tree_of(name.as_str()) {
            to_trash(&mut edits, name, tree, now);
        }
    }
    edits
}
