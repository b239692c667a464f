//! Parts that stay on the machine where they were made (format.md, section 2): a tree with them,
//! of the same shape as an entry tree, stands under `refs/recell/local/<entry name>`.

use std::collections::BTreeMap;

use super::trash::TRASH;
use super::{Inner, Store};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::git::{ObjectId, loose_refs};
use crate::name::EntryName;

/// What the refs of local parts begin with; then comes the name of the entry.
pub(crate) const LOCAL: &str = "refs/recell/local/";

/// What stands between the time of a removal and the name, where local parts were removed.
const IN_TRASH: &str = "local/";

/// Returns the ref of the local parts of an entry.
pub(crate) fn local_ref(name: &EntryName) -> String {
    format!("{LOCAL}{name}")
}

/// Returns the ref of the local parts of an entry that was removed at `when`.
pub(crate) fn trashed_local_ref(when: Timestamp, name: &EntryName) -> String {
    format!("{TRASH}{when}/{IN_TRASH}{name}")
}

/// Reads the ref of local parts; `None` if it is none.
pub(crate) fn read_local_ref(reference: &str) -> Option<EntryName> {
    EntryName::parse(reference.strip_prefix(LOCAL)?.to_owned()).ok()
}

/// Reads the ref of local parts that were removed; `None` if it is none.
pub(crate) fn read_trashed_local_ref(reference: &str) -> Option<(Timestamp, EntryName)> {
    let (when, rest) = reference.strip_prefix(TRASH)?.split_once('/')?;
    let name = EntryName::parse(rest.strip_prefix(IN_TRASH)?.to_owned()).ok()?;
    Some((when.parse().ok()?, name))
}

impl Store {
    /// Returns the trees of local parts, by the names of their entries; those of entries that are
    /// in a journal, too.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
    pub(crate) fn local_trees(&self) -> Result<BTreeMap<EntryName, ObjectId>> {
        let mut found = loose_refs(self.path(), LOCAL.trim_end_matches('/'))?;
        found.extend(self.inner.look(crate::index::Index::names)?.references(LOCAL));
        Ok(found.into_iter().filter_map(|(full, id)| Some((read_local_ref(&full)?, id))).collect())
    }
}

impl Inner {
    /// Returns what a ref of recell's own stands for now; `None` if the names cannot be read.
    pub(crate) fn reference(&self, full: &str) -> Option<ObjectId> {
        self.look(|index, own| index.reference(full, own)).ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::super::trash::{read_trash_ref, trash_ref};
    use super::*;

    #[test]
    fn removed_local_parts_are_told_from_removed_entries() {
        for notebook in ["sales.ipynb", "local", "collection"] {
            let name = format!("{notebook}/c/m/0/20261121T012400.123456Z-01234567");
            let name = EntryName::parse(name).unwrap();
            let when = name.created_at();
            let (entry, local) = (trash_ref(when, &name), trashed_local_ref(when, &name));
            assert_eq!(read_trash_ref(&entry), Some((when, name.clone())));
            assert_eq!(read_trashed_local_ref(&entry), None);
            assert_eq!(read_trash_ref(&local), None);
            assert_eq!(read_trashed_local_ref(&local), Some((when, name.clone())));
            assert_eq!(read_local_ref(&local_ref(&name)), Some(name));
        }
    }
}
