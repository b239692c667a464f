//! Tombstones as they stand in the store (format.md, section 12): `refs/recell/forgotten` leads to a
//! commit whose tree is `<2 hex>/<30 hex>`, digests of the names that were forgotten.

use std::collections::BTreeSet;

use super::Store;
use crate::content::ObjectSource;
use crate::digest::Digest;
use crate::git::{Kind, ObjectId, read_commit, tree_entries};

/// The ref of the tombstones, here and on remotes.
pub(crate) const FORGOTTEN: &str = "refs/recell/forgotten";

/// How many hex digits a tombstone has.
const DIGITS: usize = 32;

/// Returns the tombstone of the entry of that full name.
pub(crate) fn tombstone(name: &str) -> String {
    Digest::of(name.as_bytes()).short(DIGITS)
}

impl Store {
    /// Returns the tombstones of a commit, as far as they can be read, and the first object that
    /// cannot.
    pub(crate) fn tombstones(&self, commit: &ObjectId) -> (BTreeSet<String>, Option<ObjectId>) {
        let (mut found, mut broken) = (BTreeSet::new(), None);
        let mut bytes = Vec::new();
        let tree = (self.inner.read(commit, &mut bytes) == Ok(Kind::Commit))
            .then(|| read_commit(self.object_format(), &bytes))
            .flatten()
            .map(|commit| commit.tree);
        let Some(tree) = tree else { return (found, Some(*commit)) };
        for (folder, id) in self.names_in(&tree, &mut broken) {
            for (rest, _) in self.names_in(&id, &mut broken) {
                let digest = format!("{folder}{rest}");
                if digest.len() == DIGITS && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    found.insert(digest);
                }
            }
        }
        (found, broken)
    }

    fn names_in(&self, tree: &ObjectId, broken: &mut Option<ObjectId>) -> Vec<(String, ObjectId)> {
        let mut bytes = Vec::new();
        let kind = self.inner.read(tree, &mut bytes);
        let entries = tree_entries(self.object_format(), &bytes).filter(|_| kind == Ok(Kind::Tree));
        if entries.is_none() {
            broken.get_or_insert(*tree);
        }
        let entries = entries.unwrap_or_default().into_iter();
        entries.map(|entry| (entry.name.to_owned(), entry.id)).collect()
    }
}
