//! The store while its flush lock is held: whoever holds it may change packs and tags.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::assemble::assemble;
use super::flush::FlushLock;
use super::{Inner, Store, leftovers, pack_list};
use crate::content::ObjectSource;
use crate::disk;
use crate::entry::Manifest;
use crate::error::Result;
use crate::git::{
    Kind, ObjectId, RawPack, RefEdits, edit_packed_refs, remove_loose_ref, replace_packed_refs,
};
use crate::name::EntryName;

/// Proof that the flush lock is held, and what may be done under it.
pub(crate) struct LockedStore<'a> {
    pub(super) inner: &'a Inner,
    /// Which file `packed-refs` was when the lock was taken, or when it was last looked at or changed
    /// under it: never one that nobody looked at.
    pub(super) names_seen: RefCell<Option<String>>,
    _lock: FlushLock,
}

impl Store {
    /// Runs `work` while no other process, and no other thread, flushes or maintains the store.
    ///
    /// # Errors
    /// [`crate::Error::FlushLocked`] if another keeps the lock, and those of `work`.
    pub(crate) fn while_flush_locked<T>(
        &self,
        work: impl FnOnce(&LockedStore<'_>) -> Result<T>,
    ) -> Result<T> {
        let one_at_a_time = self.inner.flushing.lock().expect("no holder of this lock panics");
        let locked = self.inner.locked()?;
        let result = work(&locked);
        locked.tidy_pack_list();
        drop(locked);
        drop(one_at_a_time);
        self.inner.packs.refresh()?;
        result
    }

    /// Returns the tree of the entry of that name, if it is known and the names can be read.
    pub(crate) fn tree_of(&self, name: &EntryName) -> Option<ObjectId> {
        self.inner.look(|index, own| index.find(name.as_str(), own)).ok().flatten()
    }

    /// Reads an object and says what it is; `None` if it cannot be read. It is not checked.
    pub(crate) fn read_object(&self, id: &ObjectId, out: &mut Vec<u8>) -> Option<Kind> {
        ObjectSource::read(&*self.inner, id, out).ok()
    }
}

/// Proof that no other collection runs.
pub(crate) struct OnlyCollection {
    _lock: FlushLock,
}

impl Store {
    /// Keeps other collections off.
    ///
    /// # Errors
    /// [`crate::Error::FlushLocked`] if one runs, [`crate::Error::ReadOnly`].
    pub(crate) fn lock_collection(&self) -> Result<OnlyCollection> {
        self.inner.require_writable()?;
        let path = self.inner.repository.own_folder().join(leftovers::COLLECTION_LOCK);
        let lock = FlushLock::take(&path, self.inner.options.lock_patience)
            .map_err(|error| self.inner.read_only_or(error))?;
        Ok(OnlyCollection { _lock: lock })
    }

    /// Returns the indices of the packs that a collection may remove or write anew: all but those
    /// that somebody wants as they are.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if the folder cannot be read.
    pub(crate) fn collectable_packs(&self) -> Result<Vec<PathBuf>> {
        let listing = disk::list(&self.inner.repository.objects_folder().join("pack"))?;
        Ok(packs_without(listing, &["keep"]))
    }
}

impl Inner {
    /// Takes the flush lock. The caller keeps the threads of this process apart.
    pub(super) fn locked(&self) -> Result<LockedStore<'_>> {
        self.require_writable()?;
        let path = self.repository.own_folder().join("flush.lock");
        let lock = FlushLock::take(&path, self.options.lock_patience)?;
        // First: names that a sync puts here from now on are others than these.
        let names_seen = disk::identity_at(&self.repository.git_dir.join("packed-refs"))?;
        pack_list::take_over(&self.repository);
        disk::crash_point("flush locked");
        Ok(LockedStore { inner: self, names_seen: RefCell::new(names_seen), _lock: lock })
    }
}

impl LockedStore<'_> {
    /// Returns the folder of the repository.
    pub(crate) fn git_dir(&self) -> &Path {
        &self.inner.repository.git_dir
    }

    /// Returns the folder of recell's own files.
    pub(crate) fn own_folder(&self) -> PathBuf {
        self.inner.repository.own_folder()
    }

    /// Returns the folder of the packs.
    pub(crate) fn packs_folder(&self) -> PathBuf {
        self.inner.repository.objects_folder().join("pack")
    }

    /// Carries out changes of refs in one replacement of `packed-refs`.
    ///
    /// # Errors
    /// [`crate::Error::RefsLocked`], [`crate::Error::Disk`]; then nothing changed.
    pub(crate) fn edit_refs(&self, edits: &RefEdits) -> Result<()> {
        let made = edit_packed_refs(
            &self.inner.repository.git_dir,
            self.inner.repository.format,
            edits,
            &self.own_folder().join(leftovers::OWNER),
            self.inner.options.lock_patience,
            // Not before: names that a sync put here meanwhile are those that are read.
            || self.look_for_foreign_names(),
        )?;
        // Not what is there by now: that may be what a sync put there since.
        if made.is_some() {
            *self.names_seen.borrow_mut() = made;
        }
        Ok(())
    }

    /// Returns the indices of the packs that may be replaced by others with the same objects.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if the folder cannot be read.
    pub(crate) fn free_packs(&self) -> Result<Vec<PathBuf>> {
        /// Somebody wants these as they are: `.keep`, or git, which keeps what nothing names in a
        /// pack of its own (`.mtimes`).
        const BOUND: [&str; 2] = ["keep", "mtimes"];
        let listing = disk::list(&self.packs_folder())?;
        // git's index over many packs names those that would go.
        if listing.iter().any(|entry| entry.name == "multi-pack-index") {
            return Ok(Vec::new());
        }
        let mut packs = packs_without(listing, &BOUND);
        // What something else brought keeps its name until it is known what is in it.
        let names = pack_list::NamesState::of(self.git_dir());
        let others = pack_list::Packs::of(&self.inner.repository, &names).others;
        packs.retain(|path| {
            let name = path.file_stem().and_then(|name| name.to_str());
            !name.is_some_and(|name| others.contains(name))
        });
        Ok(packs)
    }

    /// Opens the pack of that index; `None` if it is damaged.
    pub(crate) fn open_pack(&self, index_path: &Path) -> Option<RawPack> {
        RawPack::open(index_path, self.inner.repository.format)
    }

    /// Whether a pack other than those has the object, as it is now.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if the packs cannot be listed.
    pub(crate) fn has_beside(&self, id: &ObjectId, indices: &HashSet<&Path>) -> Result<bool> {
        self.inner.packs.refresh()?;
        Ok(self.inner.packs.in_a_pack_beside(id, indices))
    }

    /// Writes `packed-refs` anew with just these refs and what annotated tags stand for.
    ///
    /// # Errors
    /// As [`LockedStore::edit_refs`].
    pub(crate) fn replace_refs(
        &self,
        refs: &BTreeMap<String, (ObjectId, Option<ObjectId>)>,
    ) -> Result<()> {
        self.look_for_foreign_names();
        let made = replace_packed_refs(
            self.git_dir(),
            refs,
            &self.own_folder().join(leftovers::OWNER),
            self.inner.options.lock_patience,
        )?;
        *self.names_seen.borrow_mut() = Some(made);
        Ok(())
    }

    /// Returns the objects of an entry whose parts, as `manifest` lists them, are the objects
    /// `parts`; the last is its tree.
    pub(crate) fn assemble(
        &self,
        manifest: &Manifest,
        parts: &[ObjectId],
    ) -> Vec<(ObjectId, Kind, Vec<u8>)> {
        let parts = parts.iter().copied().map(Some);
        let made = assemble(self.inner.repository.format, manifest, parts).objects;
        made.into_iter().map(|object| (object.id, object.kind, object.bytes)).collect()
    }

    /// Removes refs that somebody keeps as files.
    ///
    /// # Errors
    /// [`crate::Error::RefsLocked`], [`crate::Error::Disk`].
    pub(crate) fn remove_loose_refs<'a>(
        &self,
        names: impl Iterator<Item = &'a String>,
    ) -> Result<()> {
        let git_dir = self.git_dir();
        for name in names.filter(|name| disk::is_there(&git_dir.join(name))) {
            remove_loose_ref(git_dir, name)?;
        }
        Ok(())
    }
}

/// Returns the indices of the packs that have no file beside them with one of those endings.
fn packs_without(listing: Vec<disk::FolderEntry>, endings: &[&str]) -> Vec<PathBuf> {
    let indices = listing.into_iter().map(|entry| entry.path).filter(|path| {
        path.extension().is_some_and(|extension| extension == "idx")
            && endings.iter().all(|ending| !disk::is_there(&path.with_extension(ending)))
    });
    indices.collect()
}
