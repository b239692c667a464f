//! The store while its flush lock is held: whoever holds it may change packs and tags.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::assemble::assemble;
use super::flush::{FlushLock, KEEP_NOTE, complete, place};
use super::{Inner, Store, leftovers};
use crate::clock::Timestamp;
use crate::content::{KnownContents, ObjectSource, choose_compression};
use crate::disk;
use crate::entry::Manifest;
use crate::error::Result;
use crate::git::{
    Compression, CopiedPack, EntryAt, Kind, ObjectId, PACK_HEADER_LEN, PackedObject, RawPack,
    RefEdits, edit_packed_refs, pack_header, remove_loose_ref, replace_packed_refs,
};
use crate::name::EntryName;

/// Proof that the flush lock is held, and what may be done under it.
pub(crate) struct LockedStore<'a> {
    inner: &'a Inner,
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
        let result = work(&self.inner.locked()?);
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

/// Says, as long as it lives, that packs are being removed: puts rely on no pack meanwhile.
pub(crate) struct Sweeping {
    path: PathBuf,
}

impl Drop for Sweeping {
    fn drop(&mut self) {
        drop(disk::remove(&self.path));
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
        let indices = listing.into_iter().map(|entry| entry.path).filter(|path| {
            path.extension().is_some_and(|extension| extension == "idx")
                && ["keep", "promisor"]
                    .iter()
                    .all(|bound| !disk::is_there(&path.with_extension(bound)))
        });
        Ok(indices.collect())
    }
}

impl Inner {
    /// Takes the flush lock. The caller keeps the threads of this process apart.
    pub(super) fn locked(&self) -> Result<LockedStore<'_>> {
        self.require_writable()?;
        let path = self.repository.own_folder().join("flush.lock");
        let lock = FlushLock::take(&path, self.options.lock_patience)?;
        Ok(LockedStore { inner: self, _lock: lock })
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
        edit_packed_refs(
            &self.inner.repository.git_dir,
            self.inner.repository.format,
            edits,
            &self.own_folder().join(leftovers::OWNER),
            self.inner.options.lock_patience,
        )
    }

    /// Returns the indices of the packs that may be replaced by others with the same objects.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if the folder cannot be read.
    pub(crate) fn free_packs(&self) -> Result<Vec<PathBuf>> {
        /// Somebody wants these as they are: `.keep`, or git, which keeps what nothing names in a
        /// pack of its own (`.mtimes`), and what comes from a partial clone (`.promisor`).
        const BOUND: [&str; 3] = ["keep", "mtimes", "promisor"];
        let listing = disk::list(&self.packs_folder())?;
        // git's index over many packs names those that would go.
        if listing.iter().any(|entry| entry.name == "multi-pack-index") {
            return Ok(Vec::new());
        }
        let indices = listing.into_iter().map(|entry| entry.path).filter(|path| {
            path.extension().is_some_and(|extension| extension == "idx")
                && BOUND.iter().all(|bound| !disk::is_there(&path.with_extension(bound)))
        });
        Ok(indices.collect())
    }

    /// Opens the pack of that index; `None` if it is damaged.
    pub(crate) fn open_pack(&self, index_path: &Path) -> Option<RawPack> {
        RawPack::open(index_path, self.inner.repository.format)
    }

    /// Copies the entries of `packs` that `wanted` takes into a new pack, each object once;
    /// returns the paths of its index and of itself, or nothing if there are none. Packs with
    /// deltas are left out.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if the pack cannot be written.
    pub(crate) fn copy_entries(
        &self,
        packs: &[RawPack],
        wanted: impl Fn(&EntryAt) -> bool,
    ) -> Result<Vec<PathBuf>> {
        let format = self.inner.repository.format;
        let path = self.own_folder().join("merge.pack");
        disk::remove(&path)?;
        let mut file = disk::create_new(&path)?;
        disk::append(&mut file, &path, &[&pack_header(0)])?;
        let mut seen: HashSet<ObjectId> = HashSet::new();
        let mut entries = Vec::new();
        let mut end = PACK_HEADER_LEN as u64;
        for pack in packs.iter().filter(|pack| !pack.has_deltas()) {
            let mut pieces = Vec::new();
            for (number, entry) in pack.entries().iter().enumerate() {
                if !wanted(entry) || !seen.insert(entry.id) {
                    continue;
                }
                let Some(bytes) = pack.bytes(number) else { continue };
                entries.push(EntryAt { offset: end, ..*entry });
                end += bytes.len() as u64;
                pieces.push(bytes);
            }
            // Neighbours in the old pack are neighbours here: few, large writes.
            for pieces in pieces.chunks(512) {
                disk::append(&mut file, &path, pieces)?;
            }
        }
        if entries.is_empty() {
            disk::remove(&path)?;
            return Ok(Vec::new());
        }
        let checksum = complete(&file, &path, end, entries.len(), format)?;
        let packs_folder = self.packs_folder();
        place(&path, &packs_folder, &mut entries, &checksum, format)?;
        let named = |extension| packs_folder.join(format!("pack-{checksum}.{extension}"));
        disk::remove(&named("keep"))?;
        disk::crash_point("packs merged");
        Ok(vec![named("idx"), named("pack")])
    }

    /// Makes the files `<base>-<checksum>.pack`, `.rev` and `.idx`, which git wrote, a pack of the
    /// repository; returns the paths of its index and of itself.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if a file cannot be moved.
    pub(crate) fn place_pack(&self, base: &Path, checksum: &str) -> Result<Vec<PathBuf>> {
        let packs_folder = self.packs_folder();
        let named = |extension| packs_folder.join(format!("pack-{checksum}.{extension}"));
        // The note tells the pack from one that a git is just making, should we die before it has
        // its index.
        disk::replace_unsynced(&named("keep"), KEEP_NOTE)?;
        // The index last: whoever sees it must find the whole pack.
        for extension in ["pack", "rev", "idx"] {
            let mut made = base.as_os_str().to_owned();
            made.push(format!("-{checksum}.{extension}"));
            let made = PathBuf::from(made);
            if disk::is_there(&made) {
                disk::sync(&disk::open(&made)?, &made)?;
                disk::rename(&made, &named(extension))?;
            }
            match extension {
                "pack" => disk::crash_point("pack placed"),
                "idx" => disk::crash_point("index placed"),
                _ => {}
            }
        }
        disk::sync_folder(&packs_folder);
        disk::remove(&named("keep"))?;
        Ok(vec![named("idx"), named("pack")])
    }

    /// Says that packs are about to be removed. What is read of the names and journals from now on
    /// is all that puts rely on (docs/design/003-gc-beside-writers.md).
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if that cannot be said.
    pub(crate) fn begin_sweeping(&self) -> Result<Sweeping> {
        let path = self.own_folder().join(leftovers::SWEEPING);
        disk::remove(&path)?;
        drop(disk::create_new(&path)?);
        let sweeping = Sweeping { path };
        disk::crash_point("sweeping");
        Ok(sweeping)
    }

    /// Whether a pack other than those has the object, as it is now.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if the packs cannot be listed.
    pub(crate) fn has_beside(&self, id: &ObjectId, indices: &HashSet<&Path>) -> Result<bool> {
        self.inner.packs.refresh()?;
        Ok(self.inner.packs.in_a_pack_beside(id, indices))
    }

    /// Makes a copy of entries a pack of the repository.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be placed.
    pub(crate) fn place_copy(&self, path: &Path, mut copied: CopiedPack) -> Result<Vec<PathBuf>> {
        let packs_folder = self.packs_folder();
        let format = self.inner.repository.format;
        let named = |extension| packs_folder.join(format!("pack-{}.{extension}", copied.checksum));
        let placed = place(path, &packs_folder, &mut copied.entries, &copied.checksum, format);
        if placed.is_err() && !disk::is_there(&named("idx")) {
            // Its bytes are those that are lacking.
            disk::remove(&named("pack"))?;
            disk::remove(&named("keep"))?;
        }
        placed?;
        disk::remove(&named("keep"))?;
        disk::crash_point("copy placed");
        Ok(vec![named("idx"), named("pack")])
    }

    /// Writes `packed-refs` anew with just these refs and what annotated tags stand for.
    ///
    /// # Errors
    /// As [`LockedStore::edit_refs`].
    pub(crate) fn replace_refs(
        &self,
        refs: &BTreeMap<String, (ObjectId, Option<ObjectId>)>,
    ) -> Result<()> {
        replace_packed_refs(
            self.git_dir(),
            refs,
            &self.own_folder().join(leftovers::OWNER),
            self.inner.options.lock_patience,
        )
    }

    /// Returns a free name below `recell/damaged/` for a file.
    fn place_aside(&self, path: &Path, when: Timestamp) -> Result<PathBuf> {
        let folder = self.inner.repository.damaged_folder().join(when.to_string());
        disk::create_folders(&folder)?;
        let name = path.strip_prefix(self.git_dir()).unwrap_or(path).display().to_string();
        let name = name.replace('/', "-");
        let numbered = (2..).map(|number| folder.join(format!("{name}.{number}")));
        let mut names = std::iter::once(folder.join(&name)).chain(numbered);
        Ok(names.find(|name| !disk::is_there(name)).expect("numbers do not end"))
    }

    /// Moves a damaged file out of the way, below `recell/damaged/`; nothing is deleted.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be moved.
    pub(crate) fn set_aside(&self, path: &Path, when: Timestamp) -> Result<PathBuf> {
        let target = self.place_aside(path, when)?;
        disk::rename(path, &target)?;
        Ok(target)
    }

    /// Gives a damaged file a second name below `recell/damaged/`, so that its own may go.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it can neither be linked nor copied.
    pub(crate) fn link_aside(&self, path: &Path, when: Timestamp) -> Result<PathBuf> {
        let target = self.place_aside(path, when)?;
        if disk::link(path, &target).is_err() {
            self.keep_copy(path, when)?;
        }
        Ok(target)
    }

    /// Copies a file that is about to be changed to below `recell/damaged/`.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be copied.
    pub(crate) fn keep_copy(&self, path: &Path, when: Timestamp) -> Result<()> {
        let Some(bytes) = disk::read_if_there(path)? else { return Ok(()) };
        disk::replace(&self.place_aside(path, when)?, &bytes)
    }

    /// Stores what `give` gives, each object once, as a pack of the repository; returns how many,
    /// and the index of the pack.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if the pack cannot be written, and those of `give`.
    pub(crate) fn store_objects(
        &self,
        give: impl FnOnce(&mut dyn FnMut(ObjectId, Kind, &[u8]) -> Result<()>) -> Result<()>,
    ) -> Result<(usize, Option<PathBuf>)> {
        let format = self.inner.repository.format;
        let path = self.own_folder().join("salvage.pack");
        disk::remove(&path)?;
        let mut file = disk::create_new(&path)?;
        disk::append(&mut file, &path, &[&pack_header(0)])?;
        let mut seen: HashSet<ObjectId> = HashSet::new();
        let mut entries = Vec::new();
        let mut end = PACK_HEADER_LEN as u64;
        give(&mut |id, kind, content| {
            if !seen.insert(id) {
                return Ok(());
            }
            let how = match kind {
                Kind::Blob => choose_compression(content),
                _ => Compression::Stored,
            };
            let packed = PackedObject::new(id, kind, content, how);
            disk::append(&mut file, &path, &packed.pieces())?;
            entries.push(EntryAt { id, offset: end, crc32: packed.crc32 });
            end += packed.len;
            Ok(())
        })?;
        let count = entries.len();
        if count == 0 {
            disk::remove(&path)?;
            return Ok((0, None));
        }
        let checksum = complete(&file, &path, end, count, format)?;
        let packs_folder = self.packs_folder();
        let index_path = packs_folder.join(format!("pack-{checksum}.idx"));
        // A damaged pack may have been just this one: its index is written anew, too.
        disk::remove(&index_path)?;
        place(&path, &packs_folder, &mut entries, &checksum, format)?;
        disk::remove(&index_path.with_extension("keep"))?;
        self.inner.packs.refresh()?;
        Ok((count, Some(index_path)))
    }

    /// Returns the objects of an entry that holds only `parts` of what `manifest` says; the last is
    /// its tree.
    pub(crate) fn assemble(
        &self,
        manifest: &Manifest,
        parts: &[ObjectId],
    ) -> Vec<(ObjectId, Kind, Vec<u8>)> {
        let made = assemble(self.inner.repository.format, manifest, parts);
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

    /// Removes the indices that git keeps over several packs and over commits: they name what goes,
    /// and git makes them anew.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if a file cannot be removed.
    pub(crate) fn remove_indices_over_packs(&self) -> Result<()> {
        let info = self.inner.repository.objects_folder().join("info");
        let over_packs = disk::list(&self.packs_folder())?;
        let over_packs = over_packs.iter().filter(|it| it.name.starts_with("multi-pack-index"));
        let over_commits = disk::list(&info.join("commit-graphs"))?;
        let one = info.join("commit-graph");
        let all = over_packs.chain(&over_commits).map(|entry| &entry.path).chain([&one]);
        all.into_iter().try_for_each(|path| disk::remove(path).map(drop))
    }

    /// Forgets what is noted of objects that are in no pack and no file any more.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be written.
    pub(crate) fn forget_gone_objects(&self) -> Result<()> {
        let inner = self.inner;
        inner.packs.refresh()?;
        let is_there = |id: &ObjectId| inner.packs.contains(id);
        let path = self.own_folder().join("contents");
        let format = inner.repository.format;
        if KnownContents::open(&path, format).retain(is_there)? {
            disk::crash_point("contents pruned");
            *inner.known.write().expect("no holder of this lock panics") =
                KnownContents::open(&path, format);
        }
        inner.suspects.retain(is_there);
        Ok(())
    }

    /// Removes what only saves time, so that there is space for what must be written.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be removed.
    pub(crate) fn give_up_caches(&self) -> Result<()> {
        let path = self.own_folder().join("contents");
        disk::remove(&path)?;
        *self.inner.known.write().expect("no holder of this lock panics") =
            KnownContents::open(&path, self.inner.repository.format);
        Ok(())
    }

    /// Removes a pack whose objects are all elsewhere, or nowhere wanted.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if a file cannot be removed.
    #[expect(clippy::unused_self, reason = "who removes packs must hold the lock")]
    pub(crate) fn remove_pack(&self, index_path: &Path) -> Result<()> {
        // The index first: nobody is led to a pack that is not there. It gets a name by which a
        // flush can tell, should we die, that the pack was to go; that takes no space.
        let going = leftovers::going_name(index_path);
        disk::rename(index_path, &going)?;
        disk::crash_point("pack going");
        leftovers::remove_going(&going)?;
        Ok(())
    }
}
