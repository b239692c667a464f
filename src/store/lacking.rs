//! Which objects of entries are not here, as far as they are wanted.

use std::collections::HashSet;

use super::Store;
use crate::entry::MANIFEST_FILE;
use crate::git::{Kind, ObjectId, TreeMode, tree_entries};
use crate::name::{EntryName, decode};

/// All parts of all entries.
pub(crate) struct AllParts;

impl PartsWanted for AllParts {
    fn folder(&self, _entry: &EntryName, _folder: &str) -> bool {
        true
    }

    fn part(&self, _entry: &EntryName, _path: &str) -> bool {
        true
    }
}

/// Which parts of an entry are wanted.
pub(crate) trait PartsWanted {
    /// Whether parts in this folder of the entry's tree, such as `outputs`, may be.
    fn folder(&self, entry: &EntryName, folder: &str) -> bool;
    /// Whether the part at that path is.
    fn part(&self, entry: &EntryName, path: &str) -> bool;
}

/// One object that is wanted and not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LackingObject {
    pub(crate) id: ObjectId,
    /// Of which of the entries that were asked about.
    pub(crate) entry: usize,
    /// The part; empty for the manifest, and for trees.
    pub(crate) part: String,
}

/// What entries lack. Of a tree that is not here, nobody knows yet what is below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lacking {
    pub(crate) trees: Vec<LackingObject>,
    pub(crate) manifests: Vec<LackingObject>,
    pub(crate) parts: Vec<LackingObject>,
    /// How many of the objects of manifests and wanted parts are here.
    pub(crate) here: usize,
}

impl Lacking {
    pub(crate) fn is_empty(&self) -> bool {
        self.trees.is_empty() && self.manifests.is_empty() && self.parts.is_empty()
    }
}

impl Store {
    /// Returns what the entries lack of what is wanted, each object once. Damage is not looked
    /// for.
    pub(crate) fn lacking(
        &self,
        entries: &[(EntryName, ObjectId)],
        wanted: &dyn PartsWanted,
    ) -> Lacking {
        let mut walk = Walk { store: self, seen: HashSet::new(), found: Lacking::default() };
        for (number, (name, tree)) in entries.iter().enumerate() {
            walk.entry(number, name, tree, wanted);
        }
        walk.found
    }
}

struct Walk<'a> {
    store: &'a Store,
    seen: HashSet<ObjectId>,
    found: Lacking,
}

impl Walk<'_> {
    fn entry(
        &mut self,
        number: usize,
        name: &EntryName,
        tree: &ObjectId,
        wanted: &dyn PartsWanted,
    ) {
        let Some(bytes) = self.tree(number, tree) else { return };
        for child in tree_entries(self.store.object_format(), &bytes).unwrap_or_default() {
            match child.mode {
                TreeMode::Folder if wanted.folder(name, child.name) => {
                    let mut path = child.name.to_owned();
                    self.folder((number, name), &child.id, &mut path, wanted);
                }
                TreeMode::File if child.name == MANIFEST_FILE && self.is_lacking(child.id) => {
                    let part = String::new();
                    let object = LackingObject { id: child.id, entry: number, part };
                    self.found.manifests.push(object);
                }
                _ => {}
            }
        }
    }

    fn folder(
        &mut self,
        (number, name): (usize, &EntryName),
        tree: &ObjectId,
        path: &mut String,
        wanted: &dyn PartsWanted,
    ) {
        let Some(bytes) = self.tree(number, tree) else { return };
        for child in tree_entries(self.store.object_format(), &bytes).unwrap_or_default() {
            let length = path.len();
            if !is_chunk(child.name) {
                path.push('/');
                path.push_str(&decode(child.name).unwrap_or(child.name.into()));
            }
            if child.mode == TreeMode::Folder {
                self.folder((number, name), &child.id, path, wanted);
            } else if wanted.part(name, path) && self.is_lacking(child.id) {
                let part = path.clone();
                self.found.parts.push(LackingObject { id: child.id, entry: number, part });
            }
            path.truncate(length);
        }
    }

    fn is_lacking(&mut self, id: ObjectId) -> bool {
        if !self.seen.insert(id) {
            return false;
        }
        let is_here = self.store.has(&id);
        self.found.here += usize::from(is_here);
        !is_here
    }

    fn tree(&mut self, number: usize, id: &ObjectId) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        if self.store.read_object(id, &mut bytes) == Some(Kind::Tree) {
            return Some(bytes);
        }
        // What is here and cannot be read is damaged, which reading it says.
        if self.is_lacking(*id) {
            let part = String::new();
            self.found.trees.push(LackingObject { id: *id, entry: number, part });
        }
        None
    }
}

/// Whether a name in a tree is that of a chunk: `<offset>-<digest>` (format.md, section 4).
fn is_chunk(name: &str) -> bool {
    let hex = |text: &str, len| text.len() == len && text.bytes().all(|b| b.is_ascii_hexdigit());
    name.split_once('-').is_some_and(|(offset, digest)| hex(offset, 16) && hex(digest, 32))
}
