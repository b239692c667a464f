//! Making packs under the flush lock: of other packs, of files that git wrote, of objects.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::flush::{KEEP_NOTE, complete, place};
use super::{LockedStore, pack_list};
use crate::content::choose_compression;
use crate::disk;
use crate::error::Result;
use crate::git::{
    Compression, CopiedPack, EntryAt, Kind, ObjectFormat, ObjectId, PACK_HEADER_LEN, PackedObject,
    RawPack, pack_header,
};

/// A pack that is being written beside the others.
struct NewPack {
    path: PathBuf,
    file: File,
    /// The objects that were taken.
    seen: HashSet<ObjectId>,
    entries: Vec<EntryAt>,
    /// Where the next entry begins.
    end: u64,
}

impl NewPack {
    fn begin(path: PathBuf) -> Result<NewPack> {
        disk::remove(&path)?;
        let mut file = disk::create_new(&path)?;
        disk::append(&mut file, &path, &[&pack_header(0)])?;
        let end = PACK_HEADER_LEN as u64;
        Ok(NewPack { path, file, seen: HashSet::new(), entries: Vec::new(), end })
    }

    fn count(&mut self, entry: EntryAt, len: u64) {
        self.entries.push(entry);
        self.end += len;
    }

    /// Returns the checksum; `None` if nothing was written, and then the file is gone.
    fn complete(&self, format: ObjectFormat) -> Result<Option<ObjectId>> {
        if self.entries.is_empty() {
            disk::remove(&self.path)?;
            return Ok(None);
        }
        complete(&self.file, &self.path, self.end, self.entries.len(), format).map(Some)
    }
}

impl LockedStore<'_> {
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
        let mut new = NewPack::begin(self.own_folder().join("merge.pack"))?;
        for pack in packs.iter().filter(|pack| !pack.has_deltas()) {
            let mut pieces = Vec::new();
            for (number, entry) in pack.entries().iter().enumerate() {
                if !wanted(entry) || !new.seen.insert(entry.id) {
                    continue;
                }
                let Some(bytes) = pack.bytes(number) else { continue };
                new.count(EntryAt { offset: new.end, ..*entry }, bytes.len() as u64);
                pieces.push(bytes);
            }
            // Neighbours in the old pack are neighbours here: few, large writes.
            for pieces in pieces.chunks(512) {
                disk::append(&mut new.file, &new.path, pieces)?;
            }
        }
        let Some(checksum) = new.complete(format)? else { return Ok(Vec::new()) };
        let packs_folder = self.packs_folder();
        place(Some(&new.file), &new.path, &packs_folder, &mut new.entries, &checksum, format)?;
        let named = |extension| packs_folder.join(format!("pack-{checksum}.{extension}"));
        disk::remove(&named("keep"))?;
        disk::crash_point("packs merged");
        Ok(vec![named("idx"), named("pack")])
    }

    /// Copies the objects of `packs`, which may have deltas, as whole ones into a new pack, each
    /// once; returns the paths of its index and of itself, or nothing if an object cannot be read.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if the pack cannot be written.
    pub(crate) fn copy_objects(&self, packs: &[RawPack]) -> Result<Vec<PathBuf>> {
        self.inner.packs.refresh()?;
        let mut is_whole = true;
        let (_, index) = self.store_objects(|take| {
            let mut bytes = Vec::new();
            for entry in packs.iter().flat_map(RawPack::entries) {
                let Ok(kind) = self.inner.packs.read(&entry.id, &mut bytes) else {
                    is_whole = false;
                    break;
                };
                take(entry.id, kind, &bytes)?;
            }
            Ok(())
        })?;
        let Some(index) = index else { return Ok(Vec::new()) };
        if !is_whole {
            self.remove_pack(&index)?;
            return Ok(Vec::new());
        }
        Ok(vec![index.clone(), index.with_extension("pack")])
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
        pack_list::note(&packs_folder, &format!("pack-{checksum}"));
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

    /// Makes a copy of entries a pack of the repository.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be placed.
    pub(crate) fn place_copy(&self, path: &Path, mut copied: CopiedPack) -> Result<Vec<PathBuf>> {
        let packs_folder = self.packs_folder();
        let format = self.inner.repository.format;
        let CopiedPack { file, entries, checksum, .. } = &mut copied;
        let named = |extension| packs_folder.join(format!("pack-{checksum}.{extension}"));
        let placed = place(Some(file), path, &packs_folder, entries, checksum, format);
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
        let mut new = NewPack::begin(self.own_folder().join("salvage.pack"))?;
        give(&mut |id, kind, content| {
            if !new.seen.insert(id) {
                return Ok(());
            }
            let how = match kind {
                Kind::Blob => choose_compression(content),
                _ => Compression::Stored,
            };
            let packed = PackedObject::new(id, kind, content, how);
            disk::append(&mut new.file, &new.path, &packed.pieces())?;
            new.count(EntryAt { id, offset: new.end, crc32: packed.crc32 }, packed.len);
            Ok(())
        })?;
        let Some(checksum) = new.complete(format)? else { return Ok((0, None)) };
        let packs_folder = self.packs_folder();
        let index_path = packs_folder.join(format!("pack-{checksum}.idx"));
        // A damaged pack may have been just this one: its index is written anew, too.
        disk::remove(&index_path)?;
        place(Some(&new.file), &new.path, &packs_folder, &mut new.entries, &checksum, format)?;
        disk::remove(&index_path.with_extension("keep"))?;
        self.inner.packs.refresh()?;
        Ok((new.entries.len(), Some(index_path)))
    }
}
