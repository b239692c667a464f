//! Where removed names stand until gc (format.md, section 2).

use crate::clock::Timestamp;
use crate::git::{ObjectId, RefEdits};
use crate::index::TAGS;
use crate::name::EntryName;

/// The folder of removed names; below it, when they were removed.
pub(crate) const TRASH_FOLDER: &str = "refs/recell/trash";

/// Returns the ref of an entry that was removed at `when`.
pub(crate) fn trash_ref(when: Timestamp, name: &EntryName) -> String {
    format!("{TRASH_FOLDER}/{when}/{name}")
}

/// Adds to `edits` that `name`, which stands for `tree`, goes to the trash under the time `when`.
pub(crate) fn to_trash(edits: &mut RefEdits, name: &EntryName, tree: ObjectId, when: Timestamp) {
    edits.add.insert(trash_ref(when, name), tree);
    edits.remove.insert(format!("{TAGS}{name}"));
}
