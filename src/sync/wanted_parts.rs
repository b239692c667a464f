//! Which objects of entries that came by their names alone are wanted here, and are not here yet.

use std::collections::HashSet;

use crate::config::{FetchPolicy, SyncSettings};
use crate::entry::MANIFEST_FILE;
use crate::error::{Error, Result};
use crate::git::{Kind, ObjectId, TreeMode, tree_entries};
use crate::name::EntryName;
use crate::store::Store;

/// The folders of an entry that are brought with `fetch = "outputs"`.
const OUTPUTS: [&str; 2] = ["outputs", "code"];

/// Returns the objects of `entries` that the settings want and the store lacks, each once.
///
/// # Errors
/// [`Error::BrokenLedger`] if a tree of an entry is not here.
pub(crate) fn wanted_objects<'a>(
    store: &Store,
    entries: impl IntoIterator<Item = &'a (EntryName, ObjectId)>,
    settings: &SyncSettings,
) -> Result<Vec<ObjectId>> {
    let mut walk = Walk { store, seen: HashSet::new(), wanted: Vec::new() };
    for (name, tree) in entries {
        let policy = settings.of_notebook(&name.notebook()).fetch;
        walk.entry(tree, |folder| match policy {
            FetchPolicy::All => true,
            FetchPolicy::Outputs => OUTPUTS.contains(&folder),
            FetchPolicy::Lazy => false,
        })?;
    }
    Ok(walk.wanted)
}

struct Walk<'a> {
    store: &'a Store,
    seen: HashSet<ObjectId>,
    wanted: Vec<ObjectId>,
}

impl Walk<'_> {
    fn entry(&mut self, tree: &ObjectId, wants: impl Fn(&str) -> bool) -> Result<()> {
        let bytes = self.tree(tree)?;
        for child in tree_entries(self.store.object_format(), &bytes).unwrap_or_default() {
            match child.mode {
                TreeMode::Folder if wants(child.name) => self.all(&child.id)?,
                TreeMode::File if child.name == MANIFEST_FILE => self.blob(child.id),
                _ => {}
            }
        }
        Ok(())
    }

    fn all(&mut self, tree: &ObjectId) -> Result<()> {
        if !self.seen.insert(*tree) {
            return Ok(());
        }
        let bytes = self.tree(tree)?;
        for child in tree_entries(self.store.object_format(), &bytes).unwrap_or_default() {
            if child.mode == TreeMode::Folder {
                self.all(&child.id)?;
            } else {
                self.blob(child.id);
            }
        }
        Ok(())
    }

    fn blob(&mut self, id: ObjectId) {
        if self.seen.insert(id) && !self.store.has(&id) {
            self.wanted.push(id);
        }
    }

    fn tree(&self, id: &ObjectId) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self.store.read_object(id, &mut bytes) {
            Some(Kind::Tree) => Ok(bytes),
            _ => Err(Error::BrokenLedger {
                object: id.to_string(),
                reason: "a tree of one of its entries is not here".into(),
            }),
        }
    }
}
