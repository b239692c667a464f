//! The store while its flush lock is held: whoever holds it may change packs and tags.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::flush::{FlushLock, KEEP_NOTE, complete, place};
use super::{Inner, Store};
use crate::content::ObjectSource;
use crate::disk;
use crate::error::Result;
use crate::git::{
    EntryAt, Kind, ObjectId, PACK_HEADER_LEN, RawPack, RefEdits, edit_packed_refs, pack_header,
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
            &self.own_folder().join(super::leftovers::OWNER),
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

    /// Removes a pack whose objects are all elsewhere.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if a file cannot be removed.
    #[expect(clippy::unused_self, reason = "who removes packs must hold the lock")]
    pub(crate) fn remove_pack(&self, index_path: &Path) -> Result<()> {
        // The index first: nobody is led to a pack that is not there.
        for extension in ["idx", "pack", "rev", "bitmap"] {
            disk::remove(&index_path.with_extension(extension))?;
        }
        Ok(())
    }
}
