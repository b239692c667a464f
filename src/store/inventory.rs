//! What the store holds besides the names of entries: its objects with their bytes on disk, and
//! its other refs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Store;
use crate::disk::{self, FolderEntry};
use crate::error::Result;
use crate::events::is_of_log;
use crate::git::{ObjectId, StoredObjects, refs_below};
use crate::index::TAGS;
use crate::name::EntryName;

/// The bytes of the store's files, by what they are for. The log of events is none of them: it is
/// not what is stored, and has a bound of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileSizes {
    /// Packs with their indices.
    pub packs: u64,
    /// Journals: what is not flushed yet.
    pub journals: u64,
    /// Names: `packed-refs`.
    pub names: u64,
    /// Loose objects, which only plain git makes.
    pub loose: u64,
    /// recell's own lists, and journals that were set aside as damaged.
    pub own: u64,
}

impl FileSizes {
    /// Returns all of them together.
    pub fn total(self) -> u64 {
        self.packs + self.journals + self.names + self.loose + self.own
    }
}

impl Store {
    /// Lists every object with the bytes that it takes on disk: those of packs, and those of loose
    /// files and journals. One that is stored twice comes twice.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
    pub(crate) fn stored_objects(&self) -> Result<(StoredObjects, Vec<(ObjectId, u64)>)> {
        // Journals before packs: a flush moves objects from the one to the other.
        let mut others = self.inner.look(|index, own| {
            let journals = own.into_iter().chain(index.journals());
            let objects = journals.flat_map(|journal| &journal.objects);
            objects.map(|(id, object)| (*id, object.len)).collect::<Vec<_>>()
        })?;
        self.inner.packs.refresh()?;
        others.extend(self.inner.packs.stored_loose()?);
        Ok((self.inner.packs.stored(), others))
    }

    /// Returns the refs below `folder`, such as `refs/recell/pin`, by full name.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
    pub(crate) fn refs_below(&self, folder: &str) -> Result<BTreeMap<String, ObjectId>> {
        refs_below(self.path(), self.object_format(), folder, |_| true)
    }

    /// Returns all refs that are not entries: the trash, pins, collections, ledgers, tags of others.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
    pub(crate) fn other_refs(&self) -> Result<Vec<(String, ObjectId)>> {
        let is_other = |name: &str| !name.strip_prefix(TAGS).is_some_and(EntryName::is_like);
        let refs = refs_below(self.path(), self.object_format(), "refs", is_other)?;
        Ok(refs.into_iter().collect())
    }

    /// Returns where uses of entries are noted, with all that this process noted.
    pub(crate) fn usage_path(&self) -> PathBuf {
        self.inner.usage.save();
        self.inner.usage.path().to_owned()
    }

    /// Returns the folder of recell's own files.
    pub(crate) fn own_folder(&self) -> PathBuf {
        self.inner.repository.own_folder()
    }

    /// Returns the bytes of the packs with their indices, and of `packed-refs`: a look at a few
    /// files, however much is stored.
    ///
    /// # Errors
    /// [`crate::Error::Disk`].
    pub(crate) fn pack_and_name_bytes(&self) -> Result<(u64, u64)> {
        let packs = files_in(&self.inner.repository.objects_folder().join("pack"))?;
        let names = disk::signature(&self.path().join("packed-refs"))?;
        Ok((packs, names.map_or(0, |file| file.size())))
    }

    /// Returns the bytes of all files of the store.
    ///
    /// # Errors
    /// [`crate::Error::Disk`].
    pub(crate) fn file_sizes(&self) -> Result<FileSizes> {
        let repository = &self.inner.repository;
        let (packs, names) = self.pack_and_name_bytes()?;
        let loose = self.inner.packs.stored_loose()?.iter().map(|(_, bytes)| bytes).sum();
        Ok(FileSizes {
            packs,
            names,
            loose,
            journals: files_in(&repository.journal_folder())?,
            own: files_in(&repository.own_folder())? + files_in(&repository.damaged_folder())?,
        })
    }
}

/// Returns the bytes of the files in a folder, not of those in folders below it, nor of the log of
/// events.
fn files_in(folder: &Path) -> Result<u64> {
    let mut total = 0;
    let is_counted = |entry: &&FolderEntry| !entry.is_folder && !is_of_log(&entry.name);
    for entry in disk::list(folder)?.iter().filter(is_counted) {
        // One that went meanwhile takes nothing.
        total += disk::signature(&entry.path)?.map_or(0, |file| file.size());
    }
    Ok(total)
}
