//! Reading objects by id from the packs of a repository, and from its loose objects.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};

use gix::ObjectId;
use gix::odb::pack;

use super::inflate::{damaged, delta_in_pack, inflate_loose, inflate_whole};
use super::objects::{Kind, object_id};
use super::pack::stored_content;
use crate::config::ObjectFormat;
use crate::disk::{self, WatchedFolder};
use crate::error::Result;

const UNPOISONED: &str = "no holder of this lock panics";

/// How often a read looks again after packs came or went: somebody may be repacking all the time.
const LOOKS: usize = 4;

/// Why an object's bytes cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ObjectProblem {
    /// No pack and no loose file has it.
    Missing,
    /// It is there, but its bytes are not what they were.
    Damaged(String),
}

/// One pack with its index; the pack itself is opened when first read.
pub(super) struct Pack {
    path: PathBuf,
    changed: i64,
    index: pack::index::File,
    data: OnceLock<pack::data::File>,
}

impl Pack {
    pub(super) fn new(path: PathBuf, changed: i64, index: pack::index::File) -> Pack {
        Pack { path, changed, index, data: OnceLock::new() }
    }

    /// Returns where the object's entry is; `None` if the index does not have it.
    pub(super) fn offset_of(&self, id: &ObjectId) -> Option<u64> {
        self.index.lookup(id).map(|at| self.index.pack_offset_at_index(at))
    }

    pub(super) fn data(&self, format: ObjectFormat) -> Result<&pack::data::File, ObjectProblem> {
        if let Some(data) = self.data.get() {
            return Ok(data);
        }
        let path = self.path.with_extension("pack");
        match pack::data::File::at(&path, format.gix()) {
            Ok(data) => {
                // Deflate makes at most 1,032 bytes of one, and git makes no deltas of what is
                // larger than 512 MiB.
                let most = data.data_len().saturating_mul(1032).min(1 << 30);
                Ok(self.data.get_or_init(|| data.with_alloc_limit_bytes(Some(most))))
            }
            // Somebody repacked; the next look knows where the objects went.
            Err(_) if !disk::is_there(&path) => Err(ObjectProblem::Missing),
            Err(error) => Err(damaged(format!("`{}` cannot be opened: {error}", path.display()))),
        }
    }

    /// Reads the object whose entry is at `offset`.
    pub(super) fn read(
        &self,
        format: ObjectFormat,
        offset: u64,
        out: &mut Vec<u8>,
    ) -> Result<Kind, ObjectProblem> {
        let data = self.data(format)?;
        let entry = data.entry(offset).map_err(damaged)?;
        let kind = match entry.header {
            pack::data::entry::Header::Blob => Kind::Blob,
            pack::data::entry::Header::Tree => Kind::Tree,
            pack::data::entry::Header::Commit => Kind::Commit,
            pack::data::entry::Header::Tag => Kind::Tag,
            pack::data::entry::Header::OfsDelta { .. }
            | pack::data::entry::Header::RefDelta { .. } => {
                return delta_in_pack(data, &self.index, entry, out);
            }
        };
        let stream = stream_of(data, &entry).ok_or_else(|| damaged("its entry is cut off"))?;
        inflate_whole(stream, entry.decompressed_size, out)?;
        Ok(kind)
    }
}

/// One pack that is not among those of a repository.
pub(crate) struct LonePack {
    pack: Pack,
    format: ObjectFormat,
}

impl LonePack {
    /// Opens the pack of that index; `None` if it is none.
    pub(crate) fn open(index_path: &Path, format: ObjectFormat) -> Option<LonePack> {
        let index = pack::index::File::at(index_path, format.gix()).ok()?;
        Some(LonePack { pack: Pack::new(index_path.to_owned(), 0, index), format })
    }

    /// Reads an object, deltas and all, if it is there and has the content of its id.
    pub(crate) fn read_intact(&self, id: &ObjectId, out: &mut Vec<u8>) -> Option<Kind> {
        let kind = self.pack.read(self.format, self.pack.offset_of(id)?, out).ok()?;
        (object_id(self.format, kind, out) == *id).then_some(kind)
    }
}

/// Returns the bytes of the pack from the content of `entry` on.
fn stream_of<'a>(data: &'a pack::data::File, entry: &pack::data::Entry) -> Option<&'a [u8]> {
    data.entry_slice(entry.data_offset..(data.pack_end() as u64).max(entry.data_offset))
}

/// The packs of a repository as they were last seen, newest first, and its loose objects.
pub(crate) struct PackSet {
    objects: PathBuf,
    folder: PathBuf,
    format: ObjectFormat,
    packs: RwLock<Arc<Vec<Arc<Pack>>>>,
    watched: Mutex<WatchedFolder>,
    /// The pack of the last hit: objects of one entry are neighbours.
    hint: AtomicUsize,
}

impl PackSet {
    /// Opens the packs below `objects`, the objects folder of a repository.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if the folder cannot be listed.
    pub(crate) fn open(objects: &Path, format: ObjectFormat) -> Result<PackSet> {
        let set = PackSet {
            objects: objects.to_owned(),
            folder: objects.join("pack"),
            format,
            packs: RwLock::default(),
            watched: Mutex::new(WatchedFolder::new(&objects.join("pack"))),
            hint: AtomicUsize::new(0),
        };
        set.refresh()?;
        Ok(set)
    }

    /// Looks for packs that came or went; says whether there may be others than before.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if the folder cannot be listed.
    pub(crate) fn refresh(&self) -> Result<bool> {
        // Held to the end: whoever is told that nothing changed must find the packs up to date.
        let mut watched = self.watched.lock().expect(UNPOISONED);
        if !watched.has_changed()? {
            return Ok(false);
        }
        let old = self.packs();
        let mut packs = Vec::new();
        for entry in disk::list(&self.folder)? {
            let is_index = entry.path.extension().is_some_and(|extension| extension == "idx");
            if !is_index {
                continue;
            }
            if let Some(known) = old.iter().find(|pack| pack.path == entry.path) {
                packs.push(Arc::clone(known));
                continue;
            }
            let Some(changed) = disk::signature(&entry.path)?.map(|s| s.changed_micros()) else {
                continue;
            };
            // An index that cannot be read makes its objects missing, which reads say by name.
            if let Ok(index) = pack::index::File::at(&entry.path, self.format.gix()) {
                packs.push(Arc::new(Pack::new(entry.path, changed, index)));
            }
        }
        packs.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| a.path.cmp(&b.path)));
        *self.packs.write().expect(UNPOISONED) = Arc::new(packs);
        Ok(true)
    }

    /// Opens all packs anew, as files changed under their names.
    ///
    /// # Errors
    /// As [`PackSet::refresh`].
    pub(crate) fn forget(&self) -> Result<()> {
        *self.watched.lock().expect(UNPOISONED) = WatchedFolder::new(&self.folder);
        *self.packs.write().expect(UNPOISONED) = Arc::default();
        self.refresh().map(drop)
    }

    fn packs(&self) -> Arc<Vec<Arc<Pack>>> {
        Arc::clone(&self.packs.read().expect(UNPOISONED))
    }

    /// Tries the packs that have the object, that of the last hit first, until `with` takes one.
    fn find<T>(&self, id: &ObjectId, mut with: impl FnMut(&Pack, u64) -> Option<T>) -> Option<T> {
        let packs = self.packs.read().expect(UNPOISONED);
        let first = self.hint.load(Ordering::Relaxed);
        let mut hit = |number: usize| {
            let pack = packs.get(number)?;
            with(pack, pack.offset_of(id)?)
        };
        if let Some(found) = hit(first) {
            return Some(found);
        }
        let (number, found) = (0..packs.len())
            .filter(|&number| number != first)
            .find_map(|number| hit(number).map(|found| (number, found)))?;
        self.hint.store(number, Ordering::Relaxed);
        Some(found)
    }

    /// Whether a pack has this object, as last seen.
    pub(crate) fn in_a_pack(&self, id: &ObjectId) -> bool {
        self.find(id, |_, _| Some(())).is_some()
    }

    /// Whether a pack has this object whose index is none of `indices`, as last seen.
    pub(crate) fn in_a_pack_beside(&self, id: &ObjectId, indices: &HashSet<&Path>) -> bool {
        let packs = self.packs();
        packs
            .iter()
            .any(|pack| pack.offset_of(id).is_some() && !indices.contains(pack.path.as_path()))
    }

    /// Whether a pack or a loose file has this object, as last seen.
    pub(crate) fn contains(&self, id: &ObjectId) -> bool {
        self.in_a_pack(id) || disk::is_there(&self.loose_path(id))
    }

    /// Lists every object of the packs, as last seen.
    pub(crate) fn stored(&self) -> StoredObjects {
        let packs = self.packs();
        let mut all = Vec::new();
        for (number, pack) in packs.iter().enumerate() {
            let Ok(Some(file)) = disk::signature(&pack.path.with_extension("pack")) else {
                continue;
            };
            let end = file.size().saturating_sub(self.format.id_len() as u64);
            let mut entries: Vec<(u64, ObjectId)> =
                pack.index.iter().map(|entry| (entry.pack_offset, entry.oid)).collect();
            entries.sort_unstable_by_key(|(offset, _)| *offset);
            let ends = entries.iter().skip(1).map(|(offset, _)| *offset).chain([end]);
            // In the index: the id, a checksum and the offset (`gitformat-pack`).
            let in_index = self.format.id_len() as u64 + 8;
            all.extend(entries.iter().zip(ends).map(|((offset, id), end)| StoredObject {
                id: *id,
                bytes: end.saturating_sub(*offset) + in_index,
                pack: number,
                offset: *offset,
            }));
        }
        StoredObjects { format: self.format, packs, all }
    }

    /// Returns every loose object with the bytes of its file. recell makes none.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if a folder cannot be listed.
    pub(crate) fn stored_loose(&self) -> Result<Vec<(ObjectId, u64)>> {
        let mut stored = Vec::new();
        for folder in disk::list(&self.objects)? {
            if folder.name.len() != 2 || !folder.is_folder {
                continue;
            }
            for entry in disk::list(&folder.path)? {
                let hex = format!("{}{}", folder.name, entry.name);
                if let Ok(id) = ObjectId::from_hex(hex.as_bytes())
                    && let Some(file) = disk::signature(&entry.path)?
                {
                    stored.push((id, file.size()));
                }
            }
        }
        Ok(stored)
    }

    fn loose_path(&self, id: &ObjectId) -> PathBuf {
        let hex = id.to_string();
        self.objects.join(&hex[..2]).join(&hex[2..])
    }

    /// Reads an object into `out`, which then holds its content and nothing else.
    ///
    /// # Errors
    /// An [`ObjectProblem`] if it is missing or damaged. The content is not checked against `id`.
    pub(crate) fn read(&self, id: &ObjectId, out: &mut Vec<u8>) -> Result<Kind, ObjectProblem> {
        self.read_where(id, out, |_, _| true)
    }

    /// Reads the first copy of an object that has just the content of its id.
    ///
    /// # Errors
    /// An [`ObjectProblem`] if there is none.
    pub(crate) fn read_intact(
        &self,
        id: &ObjectId,
        out: &mut Vec<u8>,
    ) -> Result<Kind, ObjectProblem> {
        self.read_where(id, out, |kind, content| object_id(self.format, kind, content) == *id)
    }

    fn read_where(
        &self,
        id: &ObjectId,
        out: &mut Vec<u8>,
        is_good: impl Fn(Kind, &[u8]) -> bool,
    ) -> Result<Kind, ObjectProblem> {
        let mut looks = 1;
        loop {
            let problem = match self.read_once(id, out, &is_good) {
                Ok(kind) => return Ok(kind),
                Err(problem) => problem,
            };
            // Somebody may have repacked since the last look.
            if looks == LOOKS || !self.refresh().is_ok_and(|changed| changed) {
                return Err(problem);
            }
            looks += 1;
        }
    }

    fn read_once(
        &self,
        id: &ObjectId,
        out: &mut Vec<u8>,
        is_good: &impl Fn(Kind, &[u8]) -> bool,
    ) -> Result<Kind, ObjectProblem> {
        let mut problem = ObjectProblem::Missing;
        let found = self.find(id, |pack, offset| match pack.read(self.format, offset, out) {
            Ok(kind) if is_good(kind, out) => Some(kind),
            Ok(_) => {
                problem = damaged("its bytes are not what was stored");
                None
            }
            Err(ObjectProblem::Missing) => None,
            Err(damage) => {
                problem = damage;
                None
            }
        });
        if let Some(kind) = found {
            return Ok(kind);
        }
        let path = self.loose_path(id);
        match disk::read_if_there(&path) {
            Ok(None) => Err(problem),
            Ok(Some(bytes)) => {
                let kind = inflate_loose(&bytes, out)?;
                if is_good(kind, out) {
                    return Ok(kind);
                }
                Err(damaged("its bytes are not what was stored"))
            }
            Err(error) => Err(damaged(error)),
        }
    }

    /// Reads a blob of just `out.len()` bytes into `out`.
    ///
    /// # Errors
    /// An [`ObjectProblem`] if it is missing, damaged, no blob or of another size.
    pub(crate) fn read_blob_into(
        &self,
        id: &ObjectId,
        out: &mut [u8],
    ) -> Result<(), ObjectProblem> {
        let copied = self.find(id, |pack, offset| {
            let data = pack.data(self.format).ok()?;
            let entry = data.entry(offset).ok()?;
            let fits = matches!(entry.header, pack::data::entry::Header::Blob)
                && entry.decompressed_size == out.len() as u64;
            stream_of(data, &entry).filter(|stream| fits && stored_content(stream, out)).map(drop)
        });
        if copied.is_some() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let kind = self.read(id, &mut bytes)?;
        copy_blob(kind, &bytes, out)
    }
}

/// Where an object of a pack is, and what it takes.
pub(crate) struct StoredObject {
    pub(crate) id: ObjectId,
    /// The bytes of its entry, and of its place in the index.
    pub(crate) bytes: u64,
    pack: usize,
    offset: u64,
}

/// Every object of some packs, pack by pack in the order in which they stand there. An object in
/// two packs comes twice.
pub(crate) struct StoredObjects {
    format: ObjectFormat,
    packs: Arc<Vec<Arc<Pack>>>,
    pub(crate) all: Vec<StoredObject>,
}

impl StoredObjects {
    /// Reads the object of that number without looking for it. It is not checked.
    ///
    /// # Errors
    /// An [`ObjectProblem`] if it is missing or damaged.
    pub(crate) fn read(&self, number: usize, out: &mut Vec<u8>) -> Result<Kind, ObjectProblem> {
        let StoredObject { pack, offset, .. } = self.all[number];
        self.packs[pack].read(self.format, offset, out)
    }
}

/// Copies the content of a blob into `out`, which must have just its size.
///
/// # Errors
/// [`ObjectProblem::Damaged`] if it is no blob, or of another size.
pub(crate) fn copy_blob(kind: Kind, content: &[u8], out: &mut [u8]) -> Result<(), ObjectProblem> {
    if kind != Kind::Blob || content.len() != out.len() {
        let (kind, len) = (kind.name(), content.len());
        let reason = format!("a {kind} of {len} bytes where a blob of {} should be", out.len());
        return Err(ObjectProblem::Damaged(reason));
    }
    out.copy_from_slice(content);
    Ok(())
}
