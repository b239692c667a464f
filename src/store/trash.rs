//! Where removed names stand until gc (format.md, section 2).

use crate::clock::Timestamp;
use crate::git::{ObjectId, RefEdits};
use crate::index::TAGS;
use crate::name::EntryName;

/// The folder of removed names; below it, when they were removed.
pub(crate) const TRASH: &str = "refs/recell/trash/";

/// Adds to `edits` that `name`, which stands for `tree`, goes to the trash under the time `now`.
pub(crate) fn to_trash(edits: &mut RefEdits, name: &EntryName, tree: ObjectId, now: Timestamp) {
    edits.add.insert(format!("{TRASH}{now}/{name}"), tree);
    edits.remove.insert(format!("{TAGS}{name}"));
}
