//! A pack that is made of what comes from elsewhere, without holding anybody up: the flush lock is
//! taken only to place it among the others.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::flush::{complete, place};
use super::{LockedStore, Store};
use crate::disk;
use crate::error::Result;
use crate::git::{
    EntryAt, Kind, LonePack, ObjectFormat, ObjectId, PACK_HEADER_LEN, check_pack, is_delta,
    pack_header,
};

/// What the names of packs begin with that are being received. Each is locked by who receives it.
pub(super) const INCOMING_PREFIX: &str = "incoming-";

/// A pack that is being received. It is gone if it is dropped before it was placed.
pub(crate) struct IncomingPack {
    path: PathBuf,
    file: File,
    format: ObjectFormat,
    entries: Vec<EntryAt>,
    /// Where the next entry begins.
    end: u64,
}

impl Store {
    /// Begins a pack of objects that come from elsewhere.
    ///
    /// # Errors
    /// [`crate::Error::ReadOnly`], [`crate::Error::Disk`].
    pub(crate) fn receive_pack(&self) -> Result<IncomingPack> {
        self.inner.require_writable()?;
        let folder = self.inner.repository.own_folder();
        let format = self.object_format();
        loop {
            let path = folder.join(format!("{INCOMING_PREFIX}{}.pack", self.random_name()));
            let mut file = disk::create_new(&path)?;
            if file.try_lock().is_err() || !disk::is_there(&path) {
                // A flush took it for one of the dead before it was locked.
                disk::remove(&path)?;
                continue;
            }
            disk::append(&mut file, &path, &[&pack_header(0)])?;
            let end = PACK_HEADER_LEN as u64;
            return Ok(IncomingPack { path, file, format, entries: Vec::new(), end });
        }
    }
}

impl IncomingPack {
    /// Adds the raw entry of an object, which the caller checked; deltas are refused.
    ///
    /// # Errors
    /// [`crate::Error::Disk`].
    pub(crate) fn add(&mut self, id: ObjectId, entry: &[u8]) -> Result<()> {
        assert!(!is_delta(entry), "the base of a delta need not come along");
        disk::append(&mut self.file, &self.path, &[entry])?;
        self.entries.push(EntryAt { id, offset: self.end, crc32: crc32fast::hash(entry) });
        self.end += entry.len() as u64;
        Ok(())
    }

    /// Makes it a pack of the repository. One that is `partial` names objects that are only on a
    /// remote, which git is told by a `.promisor`.
    ///
    /// # Errors
    /// [`crate::Error::Disk`]; then nothing is left of it.
    pub(crate) fn place(mut self, locked: &LockedStore<'_>, partial: bool) -> Result<()> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let count = self.entries.len();
        let checksum = complete(&self.file, &self.path, self.end, count, self.format)?;
        let packs = locked.packs_folder();
        let named = |extension| packs.join(format!("pack-{checksum}.{extension}"));
        disk::create_folders(&packs)?;
        mark(&named("promisor"), partial)?;
        place(Some(&self.file), &self.path, &packs, &mut self.entries, &checksum, self.format)?;
        disk::remove(&named("keep"))?;
        Ok(())
    }
}

impl Drop for IncomingPack {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next flush.
        drop(disk::remove(&self.path));
    }
}

fn mark(promisor: &Path, partial: bool) -> Result<()> {
    if partial { disk::replace_unsynced(promisor, b"") } else { Ok(()) }
}

/// A pack as somebody else made it, deltas and all, that is being received whole.
pub(crate) struct ForeignPack {
    incoming: IncomingPack,
    index_path: PathBuf,
    /// It, once it was checked.
    pack: Option<LonePack>,
}

impl Store {
    /// Begins to receive a pack whose index is `index`.
    ///
    /// # Errors
    /// As [`Store::receive_pack`].
    pub(crate) fn receive_foreign_pack(&self, index: &[u8]) -> Result<ForeignPack> {
        let incoming = self.receive_pack()?;
        disk::truncate(&incoming.file, &incoming.path, 0)?;
        let index_path = incoming.path.with_extension("idx");
        disk::replace_unsynced(&index_path, index)?;
        Ok(ForeignPack { incoming, index_path, pack: None })
    }
}

impl ForeignPack {
    /// Adds bytes that come from `offset` of the pack.
    ///
    /// # Errors
    /// [`crate::Error::Disk`].
    pub(crate) fn write(&mut self, bytes: &[u8], offset: u64) -> Result<()> {
        disk::write_at(&self.incoming.file, &self.incoming.path, bytes, offset)
    }

    /// Checks every object of it, once all bytes are there; returns what is wrong, or nothing.
    pub(crate) fn flaw(&mut self) -> Option<String> {
        let checked = check_pack(&self.index_path, self.incoming.format, true);
        self.pack = LonePack::open(&self.index_path, self.incoming.format);
        checked.flaws.into_iter().next().map(|flaw| flaw.what)
    }

    /// Reads an object of a pack that was checked.
    pub(crate) fn read(&self, id: &ObjectId, out: &mut Vec<u8>) -> Option<Kind> {
        self.pack.as_ref()?.read_intact(id, out)
    }

    /// Makes it a pack of the repository.
    ///
    /// # Errors
    /// [`crate::Error::Disk`].
    pub(crate) fn place(
        self,
        locked: &LockedStore<'_>,
        checksum: &ObjectId,
        partial: bool,
    ) -> Result<()> {
        let packs = locked.packs_folder();
        disk::create_folders(&packs)?;
        mark(&packs.join(format!("pack-{checksum}.promisor")), partial)?;
        disk::sync(&self.incoming.file, &self.incoming.path)?;
        let base = self.index_path.with_extension("");
        for extension in ["pack", "idx"] {
            let mut sealed = base.clone().into_os_string();
            sealed.push(format!("-{checksum}.{extension}"));
            disk::rename(&base.with_extension(extension), Path::new(&sealed))?;
        }
        locked.place_pack(&base, &checksum.to_string())?;
        Ok(())
    }
}

impl Drop for ForeignPack {
    fn drop(&mut self) {
        drop(disk::remove(&self.index_path));
    }
}
