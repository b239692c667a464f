//! Objects that were found damaged: they are stored again when the same bytes are put, so that
//! computing a result anew heals its entry.
//!
//! The list is a text file of ids. It may be lost: then damage is found once more.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::RwLock;

use crate::disk;
use crate::git::ObjectId;

const UNPOISONED: &str = "no holder of this lock panics";

/// The objects that some process found damaged, as last read.
pub(super) struct Suspects {
    path: PathBuf,
    ids: RwLock<HashSet<ObjectId>>,
}

impl Suspects {
    /// Reads the list in `path`; one that is not there or makes no sense is empty.
    pub(super) fn open(path: PathBuf) -> Suspects {
        let bytes = disk::read_if_there(&path).ok().flatten().unwrap_or_default();
        let ids = bytes.split(|&byte| byte == b'\n').filter_map(|id| ObjectId::from_hex(id).ok());
        Suspects { path, ids: RwLock::new(ids.collect()) }
    }

    /// Whether the object is on the list.
    pub(super) fn has(&self, id: &ObjectId) -> bool {
        let ids = self.ids.read().expect(UNPOISONED);
        !ids.is_empty() && ids.contains(id)
    }

    /// Puts an object on the list. That it cannot be written, in a store that may only be read,
    /// is no failure: nobody will put there either.
    pub(super) fn add(&self, id: ObjectId) {
        if self.ids.write().expect(UNPOISONED).insert(id) {
            drop(disk::append_line(&self.path, &id.to_string()));
        }
    }

    /// Keeps only the objects that `is_there` knows.
    pub(super) fn retain(&self, is_there: impl Fn(&ObjectId) -> bool) {
        let gone: Vec<ObjectId> = {
            let ids = self.ids.read().expect(UNPOISONED);
            ids.iter().filter(|id| !is_there(id)).copied().collect()
        };
        self.remove(gone.iter());
    }

    /// Takes objects off the list: they were stored again.
    pub(super) fn remove<'a>(&self, stored: impl Iterator<Item = &'a ObjectId>) {
        if self.ids.read().expect(UNPOISONED).is_empty() {
            return;
        }
        let mut ids = self.ids.write().expect(UNPOISONED);
        let before = ids.len();
        for id in stored {
            ids.remove(id);
        }
        if ids.is_empty() {
            drop(disk::remove(&self.path));
        } else if ids.len() < before {
            let lines: Vec<String> = ids.iter().map(ToString::to_string).collect();
            let lines = lines.join("\n") + "\n";
            drop(disk::replace_unsynced(&self.path, lines.as_bytes()));
        }
    }
}
