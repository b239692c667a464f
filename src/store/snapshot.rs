//! The store at one look, or as of a moment: read-only, and always the same.

use std::sync::Arc;

use super::entry::read_manifest;
use super::local::{LOCAL, read_local_ref, read_trashed_local_ref};
use super::trash::TRASH;
use super::{Entry, Inner, Store};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::events::EventLog;
use crate::git::ObjectId;
use crate::index::{Names, Pattern};
use crate::lookup::{Lookup, Miss};
use crate::name::{EntryName, ExecutionKey, decode, encode};

/// The store as it was at one look, or as of a moment before that. Cheap to clone.
///
/// What others put, prune or pull afterwards changes no answer, so that all that is read through
/// one snapshot agrees. Names are held fast, objects are not: once gc has deleted a removed entry,
/// reading it is a miss.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store = recell::Store::open(".recell/store.git".as_ref(), Default::default())?;
/// # let key = recell::ExecutionKey::new("sales.ipynb", "load", "9f86d081")?;
/// let tuesday = "20261117T170000.000000Z".parse()?;
/// let entry = store.snapshot()?.as_of(tuesday).get(&key).ok()?;
/// assert!(entry.name().created_at() <= tuesday);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Snapshot {
    inner: Arc<Inner>,
    names: Names,
    as_of: Option<Timestamp>,
}

impl Store {
    /// Returns the store as it is now.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`] if the names cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let names = self.inner.look(crate::index::Index::names)?;
        Ok(Snapshot { inner: Arc::clone(&self.inner), names, as_of: None })
    }
}

impl Snapshot {
    /// Returns the same with only what was made at `moment` or before.
    ///
    /// It is what the store holds today of what it held then: what was removed since is gone here
    /// too. A snapshot as of an earlier moment stays as of that one.
    #[must_use]
    pub fn as_of(&self, moment: Timestamp) -> Snapshot {
        let as_of = self.as_of.map_or(moment, |bound| bound.min(moment));
        Snapshot { as_of: Some(as_of), ..self.clone() }
    }

    /// Returns the moment it is as of; `None` if that is the look itself.
    pub fn moment(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// Returns the newest entry of `key`. It is a hit or a miss in the log of events.
    pub fn get(&self, key: &ExecutionKey) -> Lookup<Entry> {
        let started = self.inner.stopwatch();
        let found = match self.names.newest(&key.path(), self.as_of) {
            Some((name, tree)) => self.open_tree(&name, tree),
            None => Lookup::Miss(Miss::NeverStored { name: key.to_string() }),
        };
        self.inner.note_lookup(&found, || key.to_string(), started, None);
        found
    }

    /// Returns the log of what happens to results, as [`Store::events`] does.
    pub fn events(&self) -> Option<&EventLog> {
        self.inner.events.as_ref()
    }

    /// Returns the entry of that name.
    pub fn entry(&self, name: &EntryName) -> Lookup<Entry> {
        match self.tree_of(name) {
            Some(tree) => self.open_tree(name, tree),
            None => Lookup::Miss(Miss::NeverStored { name: name.to_string() }),
        }
    }

    /// Whether there is an entry of that name. It is not read.
    pub fn names_entry(&self, name: &EntryName) -> bool {
        self.tree_of(name).is_some()
    }

    /// Returns the name of the newest entry of `key`; `None` if there is none.
    pub fn newest(&self, key: &ExecutionKey) -> Option<EntryName> {
        self.names.newest(&key.path(), self.as_of).map(|(name, _)| name)
    }

    /// Returns the names of all entries of `key`, oldest first.
    pub fn history(&self, key: &ExecutionKey) -> Vec<EntryName> {
        self.with_prefix(&format!("{}/", key.path())).map(|(name, _)| name).collect()
    }

    /// Returns all entries of `key`, oldest first, each with its parts still to be read.
    pub fn versions(&self, key: &ExecutionKey) -> Vec<Lookup<Entry>> {
        let open = |(name, tree)| self.open_tree(&name, tree);
        self.with_prefix(&format!("{}/", key.path())).map(open).collect()
    }

    /// Returns the names that match, sorted: those of one key are neighbours, oldest first.
    pub fn list(&self, pattern: &Pattern) -> Vec<EntryName> {
        let prefix = pattern.prefix();
        let names = self.with_prefix(&prefix).map(|(name, _)| name);
        names.filter(|name| pattern.matches(name)).collect()
    }

    /// Returns what [`Snapshot::list`] does, with the tree of each entry.
    pub(crate) fn list_with_trees(&self, pattern: &Pattern) -> Vec<(EntryName, ObjectId)> {
        let prefix = pattern.prefix();
        let mut found = self.names.with_prefix(&prefix);
        found.retain(|(name, _)| self.is_within(name) && pattern.matches(name));
        found
    }

    /// Reads the bytes of the manifest of an entry that was listed into `out`, checked by their id;
    /// `scratch` is anything.
    ///
    /// # Errors
    /// The [`Miss`] if it cannot be read.
    pub(crate) fn read_manifest(
        &self,
        name: &EntryName,
        tree: &ObjectId,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), Miss> {
        read_manifest(&self.inner, name, tree, scratch, out)
    }

    /// Returns the notebooks that have entries, sorted.
    pub fn notebooks(&self) -> Vec<String> {
        self.segments("")
    }

    /// Returns the cells of a notebook that have entries, sorted.
    pub fn cells(&self, notebook: &str) -> Vec<String> {
        self.segments(&format!("{}/", encode(notebook)))
    }

    fn segments(&self, prefix: &str) -> Vec<String> {
        let found = self.names.segments(prefix, self.as_of).into_iter();
        found.map(|it| decode(&it).map_or(it.clone(), std::borrow::Cow::into_owned)).collect()
    }

    pub(crate) fn tree_of(&self, name: &EntryName) -> Option<ObjectId> {
        self.names.find(name.as_str()).filter(|_| self.is_within(name))
    }

    fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (EntryName, ObjectId)> + use<'_> {
        let found = self.names.with_prefix(prefix).into_iter();
        found.filter(|(name, _)| self.is_within(name))
    }

    /// Returns the names it holds fast.
    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// Opens an entry whose tree is known, whether or not it has a tag.
    pub(crate) fn open_tree(&self, name: &EntryName, tree: ObjectId) -> Lookup<Entry> {
        let local = |full: &str| self.names.reference(full).or_else(|| self.trashed_local(name));
        Entry::open(&self.inner, name.clone(), tree, local).into()
    }

    /// Returns the local parts of an entry that was removed, and is reached by a collection.
    fn trashed_local(&self, name: &EntryName) -> Option<ObjectId> {
        if self.names.find(name.as_str()).is_some() {
            return None;
        }
        let mut trashed = self.names.references(TRASH).into_iter();
        let is_of = |full: &str| read_trashed_local_ref(full).is_some_and(|(_, of)| of == *name);
        trashed.find(|(full, _)| is_of(full)).map(|(_, tree)| tree)
    }

    /// Returns the entries that have local parts here, sorted by name.
    pub(crate) fn with_local_parts(&self) -> Vec<(EntryName, ObjectId)> {
        let named = self.names.references(LOCAL).into_keys();
        let named = named.filter_map(|full| read_local_ref(&full));
        named.filter_map(|name| self.tree_of(&name).map(|tree| (name, tree))).collect()
    }

    fn is_within(&self, name: &EntryName) -> bool {
        self.as_of.is_none_or(|bound| name.created_at() <= bound)
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Snapshot");
        shown.field("store", &self.inner.repository.git_dir).field("as_of", &self.as_of);
        shown.finish_non_exhaustive()
    }
}
