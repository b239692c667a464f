//! Where removed names stand until gc (format.md, section 2): `refs/recell/trash/<when>/<name>`.

use std::collections::BTreeMap;

use super::local::{local_ref, trashed_local_ref};
use super::{FlushedNames, Store};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::git::{ObjectId, RefEdits};
use crate::index::TAGS;
use crate::name::EntryName;

/// What the refs of removed names begin with; then comes when they were removed.
pub(crate) const TRASH: &str = "refs/recell/trash/";

/// Removed entries with their trees, by when they were removed.
pub(crate) type Trash = BTreeMap<Timestamp, Vec<(EntryName, ObjectId)>>;

/// Returns the ref of an entry that was removed at `when`.
pub(crate) fn trash_ref(when: Timestamp, name: &EntryName) -> String {
    format!("{TRASH}{when}/{name}")
}

/// Adds to `edits` that `name`, which stands for `tree`, goes to the trash under the time `when`,
/// with its local parts.
pub(crate) fn to_trash(
    edits: &mut RefEdits,
    names: &FlushedNames<'_>,
    name: &EntryName,
    tree: ObjectId,
    when: Timestamp,
) {
    edits.add.insert(trash_ref(when, name), tree);
    edits.remove.insert(format!("{TAGS}{name}"));
    if let Some(local) = names.local_of(name) {
        edits.add.insert(trashed_local_ref(when, name), local);
        edits.remove.insert(local_ref(name));
    }
}

/// Adds to `edits` that an entry that was removed at `when`, whose tree is `tree`, is back, with its
/// local parts; `trashed` are the refs in the trash.
pub(crate) fn from_trash(
    edits: &mut RefEdits,
    trashed: &BTreeMap<String, ObjectId>,
    name: &EntryName,
    tree: ObjectId,
    when: Timestamp,
) {
    edits.add.insert(format!("{TAGS}{name}"), tree);
    edits.remove.insert(trash_ref(when, name));
    let local = trashed_local_ref(when, name);
    if let Some(tree) = trashed.get(&local) {
        edits.add.insert(local_ref(name), *tree);
        edits.remove.insert(local);
    }
}

/// Returns the texts of the time and of the name in the ref of anything that was removed; `None`
/// if the ref is none of these.
pub(crate) fn in_trash(reference: &str) -> Option<(&str, &str)> {
    reference.strip_prefix(TRASH)?.split_once('/')
}

/// Reads the ref of a removed entry; `None` if it is none.
pub(crate) fn read_trash_ref(reference: &str) -> Option<(Timestamp, EntryName)> {
    let (when, name) = in_trash(reference)?;
    Some((when.parse().ok()?, EntryName::parse(name.to_owned()).ok()?))
}

impl Store {
    /// Returns the entries that are in the trash now.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
    pub(crate) fn trash(&self) -> Result<Trash> {
        Ok(entries_in(&self.trash_refs()?))
    }

    /// Returns all refs of what was removed, by full name.
    ///
    /// # Errors
    /// As [`Store::trash`].
    pub(crate) fn trash_refs(&self) -> Result<BTreeMap<String, ObjectId>> {
        self.refs_below(TRASH.trim_end_matches('/'))
    }

    /// Returns `now`, or the next moment at which nothing was removed yet: what was removed at one
    /// moment comes back as a whole.
    ///
    /// # Errors
    /// As [`Store::trash`].
    pub(crate) fn moment_of_removal(&self, now: Timestamp) -> Result<Timestamp> {
        let trash = self.trash()?;
        let mut when = now;
        while trash.contains_key(&when) {
            when = when.next();
        }
        Ok(when)
    }
}

/// Returns the entries among the refs of what was removed.
pub(crate) fn entries_in(trashed: &BTreeMap<String, ObjectId>) -> Trash {
    let mut trash = Trash::new();
    for (reference, tree) in trashed {
        if let Some((when, name)) = read_trash_ref(reference) {
            trash.entry(when).or_default().push((name, *tree));
        }
    }
    trash
}
