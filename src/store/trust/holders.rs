//! Which ledgers have an entry, told by reading the few trees on the way to it.

use std::collections::BTreeMap;

use crate::content::{ObjectSource, read_checked};
use crate::disk;
use crate::error::Result;
use crate::git::{Kind, ObjectId, TreeMode, loose_refs, read_commit, tree_entry};
use crate::index::Index;
use crate::name::{EntryName, LedgerName};
use crate::store::Inner;

/// A ledger as far as one entry is concerned.
pub(super) struct Holder {
    pub(super) ledger: LedgerName,
    pub(super) tip: ObjectId,
    pub(super) holds: Holds,
}

/// What a ledger has under the name of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holds {
    /// A tree.
    Tree(ObjectId),
    /// Nothing.
    Nothing,
    /// Nobody can tell, as an object is missing or damaged.
    Unclear,
}

impl Inner {
    /// Returns the ledgers of a notebook and their commits, in files of their own too.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
    pub(super) fn ledgers_of(
        &self,
        notebook_segment: &str,
    ) -> Result<BTreeMap<LedgerName, ObjectId>> {
        let folder = LedgerName::folder(notebook_segment);
        let mut refs = self.look(Index::names)?.references(&format!("{folder}/"));
        if disk::is_there(&self.repository.git_dir.join(&folder)) {
            refs.extend(loose_refs(&self.repository.git_dir, &folder)?);
        }
        let named = |(name, id): (String, ObjectId)| Some((LedgerName::of_ref(&name)?, id));
        Ok(refs.into_iter().filter_map(named).collect())
    }

    /// Returns what each ledger of the entry's notebook has under its name.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
    pub(super) fn holders(&self, entry: &EntryName) -> Result<Vec<Holder>> {
        let ledgers = self.ledgers_of(entry.notebook_segment())?;
        let holder = |(ledger, tip)| Holder { ledger, tip, holds: self.holds(&tip, entry) };
        Ok(ledgers.into_iter().map(holder).collect())
    }

    fn holds(&self, commit: &ObjectId, entry: &EntryName) -> Holds {
        let mut bytes = Vec::new();
        let read = read_checked(self, commit, Kind::Commit, &mut bytes).ok();
        match read.and_then(|()| read_commit(self.format(), &bytes)) {
            Some(commit) => self.below(&commit.tree, entry),
            None => Holds::Unclear,
        }
    }

    /// Returns what a ledger's tree has under the name of an entry of its notebook.
    pub(super) fn below(&self, root: &ObjectId, entry: &EntryName) -> Holds {
        let path = &entry.as_str()[entry.notebook_segment().len() + 1..];
        let mut tree = *root;
        let mut bytes = Vec::new();
        for segment in path.split('/') {
            if read_checked(self, &tree, Kind::Tree, &mut bytes).is_err() {
                return Holds::Unclear;
            }
            match tree_entry(self.format(), &bytes, segment) {
                Some((TreeMode::Folder, id)) => tree = id,
                Some(_) => return Holds::Unclear,
                None => return Holds::Nothing,
            }
        }
        Holds::Tree(tree)
    }
}
