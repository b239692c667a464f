//! Where removed names stand until gc (format.md, section 2): `refs/recell/trash/<when>/<name>`.

use std::collections::BTreeMap;

use super::Store;
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

/// Adds to `edits` that `name`, which stands for `tree`, goes to the trash under the time `when`.
pub(crate) fn to_trash(edits: &mut RefEdits, name: &EntryName, tree: ObjectId, when: Timestamp) {
    edits.add.insert(trash_ref(when, name), tree);
    edits.remove.insert(format!("{TAGS}{name}"));
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
        let mut trash = Trash::new();
        for (reference, tree) in self.refs_below(TRASH.trim_end_matches('/'))? {
            if let Some((when, name)) = read_trash_ref(&reference) {
                trash.entry(when).or_default().push((name, tree));
            }
        }
        Ok(trash)
    }
}
