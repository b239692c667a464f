//! Reading objects by id from the packs of a repository, and from its loose objects.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};

use gix::ObjectId;
use gix::odb::pack;

use super::objects::Kind;
use super::pack::stored_content;
use crate::config::ObjectFormat;
use crate::disk;
use crate::error::Result;
use crate::watch::WatchedFolder;

const UNPOISONED: &str = "no holder of this lock panics";

/// Why an object's bytes cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ObjectProblem {
    /// No pack and no loose file has it.
    Missing,
    /// It is there, but its bytes are not what they were.
    Damaged(String),
}

/// One pack with its index; the pack itself is opened when first read.
struct Pack {
    path: PathBuf,
    changed: i64,
    index: pack::index::File,
    data: OnceLock<Option<pack::data::File>>,
}

impl Pack {
    fn data(&self, format: ObjectFormat) -> Option<&pack::data::File> {
        let open = || pack::data::File::at(self.path.with_extension("pack"), format.gix()).ok();
        self.data.get_or_init(open).as_ref()
    }
}

/// The packs of a repository as they were last seen, newest first, and its loose objects.
pub(crate) struct PackSet {
    objects: PathBuf,
    folder: PathBuf,
    format: ObjectFormat,
    seen: RwLock<Arc<Vec<Arc<Pack>>>>,
    watch: Mutex<WatchedFolder>,
    /// The pack of the last hit: objects of one entry are neighbours.
    hint: AtomicUsize,
}

thread_local! {
    static INFLATE: RefCell<gix::zlib::Inflate> = RefCell::new(gix::zlib::Inflate::default());
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
            seen: RwLock::default(),
            watch: Mutex::new(WatchedFolder::new(&objects.join("pack"))),
            hint: AtomicUsize::new(0),
        };
        set.refresh()?;
        Ok(set)
    }

    /// Looks for packs that came or went; says whether the folder changed.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if the folder cannot be listed.
    pub(crate) fn refresh(&self) -> Result<bool> {
        let mut watch = self.watch.lock().expect(UNPOISONED);
        if !watch.has_changed()? {
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
                let data = OnceLock::new();
                packs.push(Arc::new(Pack { path: entry.path, changed, index, data }));
            }
        }
        packs.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| a.path.cmp(&b.path)));
        *self.seen.write().expect(UNPOISONED) = Arc::new(packs);
        Ok(true)
    }

    /// Returns the paths of the pack indices, newest first.
    pub(crate) fn index_paths(&self) -> Vec<PathBuf> {
        self.packs().iter().map(|pack| pack.path.clone()).collect()
    }

    fn packs(&self) -> Arc<Vec<Arc<Pack>>> {
        Arc::clone(&self.seen.read().expect(UNPOISONED))
    }

    fn find(&self, id: &ObjectId) -> Option<(Arc<Pack>, u64)> {
        let packs = self.seen.read().expect(UNPOISONED);
        let first = self.hint.load(Ordering::Relaxed);
        let hit = |number: usize| {
            let pack = packs.get(number)?;
            let at = pack.index.lookup(id)?;
            Some((Arc::clone(pack), pack.index.pack_offset_at_index(at)))
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
        self.find(id).is_some()
    }

    /// Whether a pack or a loose file has this object, as last seen.
    pub(crate) fn contains(&self, id: &ObjectId) -> bool {
        self.in_a_pack(id) || self.has_loose(id)
    }

    fn has_loose(&self, id: &ObjectId) -> bool {
        let hex = id.to_string();
        disk::is_there(&self.objects.join(&hex[..2]).join(&hex[2..]))
    }

    /// Reads an object into `out`, which then holds its content and nothing else.
    ///
    /// # Errors
    /// An [`ObjectProblem`] if it is missing or damaged. The content is not checked against `id`.
    pub(crate) fn read(&self, id: &ObjectId, out: &mut Vec<u8>) -> Result<Kind, ObjectProblem> {
        let once = self.read_once(id, out);
        // Somebody may have repacked since the last look, or a mapped pack may be going away.
        if once.is_err() && self.refresh().is_ok_and(|changed| changed) {
            return self.read_once(id, out);
        }
        once
    }

    fn read_once(&self, id: &ObjectId, out: &mut Vec<u8>) -> Result<Kind, ObjectProblem> {
        let Some((pack, offset)) = self.find(id) else {
            return self.read_loose(id, out);
        };
        let data = pack.data(self.format).ok_or(ObjectProblem::Missing)?;
        let entry = data.entry(offset).map_err(damaged)?;
        let kind = match entry.header {
            pack::data::entry::Header::Blob => Some(Kind::Blob),
            pack::data::entry::Header::Tree => Some(Kind::Tree),
            pack::data::entry::Header::Commit => Some(Kind::Commit),
            pack::data::entry::Header::Tag => Some(Kind::Tag),
            _ => None,
        };
        let size = usize::try_from(entry.decompressed_size).map_err(damaged)?;
        if let Some(kind) = kind
            && size <= data.data_len().saturating_mul(1100)
        {
            out.clear();
            out.resize(size, 0);
            if stored_in(data, &entry, out) {
                return Ok(kind);
            }
        }
        INFLATE.with_borrow_mut(|inflate| {
            if let Some(kind) = kind {
                data.decompress_entry(&entry, inflate, out).map_err(damaged)?;
                return Ok(kind);
            }
            // A delta: its base is in the same pack, or, in a thin pack, somewhere else.
            let outcome = data
                .decode_entry(
                    entry,
                    out,
                    inflate,
                    &|base, _| {
                        let Some(at) = pack.index.lookup(base) else { return Ok(None) };
                        let entry = data.entry(pack.index.pack_offset_at_index(at))?;
                        Ok(Some(pack::data::decode::entry::ResolvedBase::InPack(entry)))
                    },
                    &mut pack::cache::Never,
                )
                .map_err(damaged)?;
            Ok(Kind::from_gix(outcome.kind))
        })
    }

    fn read_loose(&self, id: &ObjectId, out: &mut Vec<u8>) -> Result<Kind, ObjectProblem> {
        let loose = gix::odb::loose::Store::at(self.objects.clone(), self.format.gix());
        let found = loose.try_find(id, out).map_err(damaged)?.ok_or(ObjectProblem::Missing)?;
        Ok(Kind::from_gix(found.kind))
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
        if let Some((pack, offset)) = self.find(id)
            && let Some(data) = pack.data(self.format)
            && let Ok(entry) = data.entry(offset)
            && matches!(entry.header, pack::data::entry::Header::Blob)
            && entry.decompressed_size == out.len() as u64
            && stored_in(data, &entry, out)
        {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let kind = self.read(id, &mut bytes)?;
        if kind != Kind::Blob || bytes.len() != out.len() {
            return Err(ObjectProblem::Damaged(format!(
                "a {} of {} bytes where a blob of {} should be",
                kind.name(),
                bytes.len(),
                out.len()
            )));
        }
        out.copy_from_slice(&bytes);
        Ok(())
    }
}

fn damaged(error: impl std::fmt::Display) -> ObjectProblem {
    ObjectProblem::Damaged(error.to_string())
}

fn stored_in(data: &pack::data::File, entry: &pack::data::Entry, out: &mut [u8]) -> bool {
    // Five bytes a block of 65,535, two before and four behind.
    let most = out.len() as u64 + out.len() as u64 / 1000 + 64;
    let end = (entry.data_offset + most).min(data.pack_end() as u64);
    data.entry_slice(entry.data_offset..end).is_some_and(|stream| stored_content(stream, out))
}

/// Reads the content of the pack entry that `bytes` is, whole and without deltas.
///
/// # Errors
/// [`ObjectProblem::Damaged`] if the bytes are no such entry.
pub(crate) fn inflate_entry(
    format: ObjectFormat,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<Kind, ObjectProblem> {
    let entry = pack::data::Entry::from_bytes(bytes, 0, format.gix()).map_err(damaged)?;
    let kind = match entry.header {
        pack::data::entry::Header::Blob => Kind::Blob,
        pack::data::entry::Header::Tree => Kind::Tree,
        pack::data::entry::Header::Commit => Kind::Commit,
        pack::data::entry::Header::Tag => Kind::Tag,
        _ => return Err(ObjectProblem::Damaged("a delta in a journal".into())),
    };
    let size = usize::try_from(entry.decompressed_size).map_err(damaged)?;
    let start = usize::try_from(entry.data_offset).map_err(damaged)?;
    let stream = bytes.get(start..).ok_or_else(|| damaged("it ends in its head"))?;
    // Deflate makes at most 1,032 bytes of one.
    if size > stream.len().saturating_mul(1100) {
        return Err(damaged("its size is beyond what its bytes can hold"));
    }
    out.clear();
    out.resize(size, 0);
    if stored_content(stream, out) {
        return Ok(kind);
    }
    INFLATE.with_borrow_mut(|inflate| {
        inflate.reset();
        let (status, _, written) = inflate.once(stream, out).map_err(damaged)?;
        if status == gix::zlib::Status::StreamEnd && written == size {
            Ok(kind)
        } else {
            Err(damaged("its stream ends early"))
        }
    })
}
