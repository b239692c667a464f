//! Tombstones: the digests of the names that were forgotten. They only grow, and win over whatever
//! a ledger says.
//!
//! How they stand in the store, and how they are read, is the store's (`store/tombstones.rs`).

use std::collections::{BTreeMap, BTreeSet};

use super::extend::NewState;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::git::{
    Commit, Kind, ObjectId, TreeEntry, TreeMode, commit_bytes, object_id, tree_bytes,
};
pub(crate) use crate::store::FORGOTTEN;
use crate::store::{MadeObject, Store, tombstone};

/// How many hex digits of a digest are the folder.
const FOLDER_DIGITS: usize = 2;

/// The tombstones that are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Forgotten {
    digests: BTreeSet<String>,
    pub(crate) commit: Option<ObjectId>,
}

impl Forgotten {
    /// Reads the tombstones of this store.
    ///
    /// # Errors
    /// [`Error::BrokenLedger`] if they cannot be read; [`Error::Disk`], [`Error::BrokenRefs`].
    pub(crate) fn read(store: &Store) -> Result<Forgotten> {
        match store.refs_below("refs/recell")?.get(FORGOTTEN) {
            Some(commit) => Forgotten::at(store, commit),
            None => Ok(Forgotten::default()),
        }
    }

    /// Reads the tombstones of a commit.
    ///
    /// # Errors
    /// [`Error::BrokenLedger`] if they cannot be read.
    pub(crate) fn at(store: &Store, commit: &ObjectId) -> Result<Forgotten> {
        let (digests, broken) = store.tombstones(commit);
        match broken {
            None => Ok(Forgotten { digests, commit: Some(*commit) }),
            Some(object) => Err(Error::BrokenLedger {
                object: object.to_string(),
                reason: "the tombstones cannot be read".into(),
            }),
        }
    }

    /// Whether nothing was ever forgotten.
    pub(crate) fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// Whether the entry of that full name was forgotten.
    pub(crate) fn has(&self, name: &str) -> bool {
        !self.is_empty() && self.digests.contains(&tombstone(name))
    }

    /// Whether all of `other` is here.
    pub(crate) fn covers(&self, other: &Forgotten) -> bool {
        other.digests.is_subset(&self.digests)
    }

    /// Adds a name.
    pub(crate) fn add(&mut self, name: &str) {
        self.digests.insert(tombstone(name));
    }

    /// Adds all of `other`.
    pub(crate) fn take_in(&mut self, other: &Forgotten) {
        self.digests.extend(other.digests.iter().cloned());
    }

    /// Returns these tombstones as a state that descends from `parents`.
    pub(crate) fn state(&self, store: &Store, parents: Vec<ObjectId>, now: Timestamp) -> NewState {
        let format = store.object_format();
        let make = |kind, bytes: Vec<u8>| {
            let id = object_id(format, kind, &bytes);
            MadeObject { id, kind, bytes }
        };
        let empty = make(Kind::Blob, Vec::new());
        let mut folders: BTreeMap<&str, Vec<TreeEntry<'_>>> = BTreeMap::new();
        for digest in &self.digests {
            let (folder, name) = digest.split_at(FOLDER_DIGITS);
            let entry = TreeEntry { mode: TreeMode::File, name, id: empty.id };
            folders.entry(folder).or_default().push(entry);
        }
        let mut objects = vec![empty];
        let mut root = Vec::new();
        for (name, mut entries) in folders {
            let tree = make(Kind::Tree, tree_bytes(&mut entries));
            root.push(TreeEntry { mode: TreeMode::Folder, name, id: tree.id });
            objects.push(tree);
        }
        let root = make(Kind::Tree, tree_bytes(&mut root));
        let message = format!("recell: {} forgotten", self.digests.len());
        let commit = Commit { tree: root.id, parents, message };
        let commit = make(Kind::Commit, commit_bytes(&commit, now));
        let id = commit.id;
        objects.extend([root, commit]);
        NewState { objects, commit: id }
    }
}
