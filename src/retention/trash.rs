//! Removed names, as they stand in the trash: `refs/recell/trash/<when>/<entry name>`.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::git::ObjectId;
use crate::name::EntryName;
use crate::store::{Store, TRASH_FOLDER};

/// A removed entry: when that was, and its name.
pub(super) type Trashed = (Timestamp, EntryName);

/// Reads the ref of a removed entry; `None` if it is none.
pub(super) fn read_trashed(name: &str) -> Option<Trashed> {
    let (when, name) = name.strip_prefix(TRASH_FOLDER)?.strip_prefix('/')?.split_once('/')?;
    Some((when.parse().ok()?, EntryName::parse(name.to_owned()).ok()?))
}

/// Removed entries with their trees, by when they were removed.
pub(super) type Trash = BTreeMap<Timestamp, Vec<(EntryName, ObjectId)>>;

/// Returns what is in the trash now.
///
/// # Errors
/// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
pub(super) fn read_trash(store: &Store) -> Result<Trash> {
    let mut trash = Trash::new();
    for (name, tree) in store.refs_below(TRASH_FOLDER)? {
        if let Some((when, name)) = read_trashed(&name) {
            trash.entry(when).or_default().push((name, tree));
        }
    }
    Ok(trash)
}
