//! Tombstones: the digests of the names that were forgotten. They only grow, and win over whatever
//! a ledger says.
//!
//! `refs/recell/forgotten` → commit → tree `<2 hex>/<30 hex>` of empty blobs: the first 32 hex
//! digits of the BLAKE3 of an entry name. So nobody learns from them what was forgotten.

use std::collections::{BTreeMap, BTreeSet};

use super::extend::NewState;
use super::ledger_tree::commit_of;
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::git::{
    Commit, Kind, ObjectId, TreeEntry, TreeMode, commit_bytes, object_id, tree_bytes, tree_entries,
};
use crate::store::{MadeObject, Store};

/// The ref of the tombstones, here and on remotes.
pub(crate) const FORGOTTEN: &str = "refs/recell/forgotten";

/// How many hex digits of a digest are the folder.
const FOLDER_DIGITS: usize = 2;
/// How many hex digits of a digest there are.
const DIGITS: usize = 32;

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
        let (tree, _) = commit_of(store, commit)?;
        let mut digests = BTreeSet::new();
        for (folder, id) in names_in(store, &tree)? {
            for (rest, _) in names_in(store, &id)? {
                let digest = format!("{folder}{rest}");
                if digest.len() == DIGITS && digest.bytes().all(|b| b.is_ascii_hexdigit()) {
                    digests.insert(digest);
                }
            }
        }
        Ok(Forgotten { digests, commit: Some(*commit) })
    }

    /// Whether nothing was ever forgotten.
    pub(crate) fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// Whether the entry of that full name was forgotten.
    pub(crate) fn has(&self, name: &str) -> bool {
        !self.is_empty() && self.digests.contains(&digest_of(name))
    }

    /// Whether all of `other` is here.
    pub(crate) fn covers(&self, other: &Forgotten) -> bool {
        other.digests.is_subset(&self.digests)
    }

    /// Adds a name.
    pub(crate) fn add(&mut self, name: &str) {
        self.digests.insert(digest_of(name));
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

fn digest_of(name: &str) -> String {
    Digest::of(name.as_bytes()).short(DIGITS)
}

fn names_in(store: &Store, tree: &ObjectId) -> Result<Vec<(String, ObjectId)>> {
    let mut bytes = Vec::new();
    let kind = store.read_object(tree, &mut bytes);
    let entries = tree_entries(store.object_format(), &bytes).filter(|_| kind == Some(Kind::Tree));
    let entries = entries.ok_or_else(|| Error::BrokenLedger {
        object: tree.to_string(),
        reason: "a tree of the tombstones cannot be read".into(),
    })?;
    Ok(entries.iter().map(|entry| (entry.name.to_owned(), entry.id)).collect())
}
