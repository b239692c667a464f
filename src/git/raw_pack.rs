//! A pack as raw entries: what is copied from pack to pack without being unpacked.

use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::odb::pack;

use super::objects::Hasher;
use super::pack::EntryAt;
use crate::config::ObjectFormat;
use crate::disk;

/// A pack as its raw entries. recell's own are whole objects and may be copied anywhere; git's
/// deltas are bound to their pack.
pub(crate) struct RawPack {
    pub(crate) index_path: PathBuf,
    data: pack::data::File,
    entries: Vec<EntryAt>,
    has_deltas: bool,
}

impl RawPack {
    /// Opens the pack of that index; `None` if it cannot be read, or if anything is
    /// damaged: copying would make a damaged index true, and its pack would go.
    pub(crate) fn open(index_path: &Path, format: ObjectFormat) -> Option<RawPack> {
        let index = pack::index::File::at(index_path, format.gix()).ok()?;
        if checksum_of(format, &disk::read(index_path).ok()?)? != index.index_checksum() {
            return None;
        }
        let data = pack::data::File::at(index_path.with_extension("pack"), format.gix()).ok()?;
        let mut entries = Vec::with_capacity(index.num_objects() as usize);
        for entry in index.iter() {
            let crc32 = entry.crc32?;
            entries.push(EntryAt { id: entry.oid, offset: entry.pack_offset, crc32 });
        }
        entries.sort_unstable_by_key(|entry| entry.offset);
        let index_path = index_path.to_owned();
        let mut pack = RawPack { index_path, data, entries, has_deltas: false };
        for number in 0..pack.entries.len() {
            let bytes = pack.bytes(number)?;
            if crc32fast::hash(bytes) != pack.entries[number].crc32 {
                return None;
            }
            // Types 1 to 4 are objects, 6 and 7 are deltas (`gitformat-pack`).
            pack.has_deltas |= (bytes[0] >> 4) & 7 > 4;
        }
        Some(pack)
    }

    /// Whether an entry is a delta, so that entries cannot be copied one by one.
    pub(crate) fn has_deltas(&self) -> bool {
        self.has_deltas
    }

    /// Returns where the entries are, in the order of the pack.
    pub(crate) fn entries(&self) -> &[EntryAt] {
        &self.entries
    }

    /// Returns the raw bytes of the entry of that number, if they are inside the pack.
    pub(crate) fn bytes(&self, number: usize) -> Option<&[u8]> {
        let start = self.entries.get(number)?.offset;
        let end = self.entries.get(number + 1).map_or(self.data.pack_end() as u64, |e| e.offset);
        if start >= end || end > self.data.pack_end() as u64 {
            return None;
        }
        self.data.entry_slice(start..end)
    }

    /// Returns the bytes of the pack file.
    pub(crate) fn len(&self) -> u64 {
        self.data.data_len() as u64
    }
}

/// Returns the checksum that the bytes of a pack or its index should end in.
pub(super) fn checksum_of(format: ObjectFormat, bytes: &[u8]) -> Option<ObjectId> {
    let mut hasher = Hasher::new(format);
    hasher.update(bytes.get(..bytes.len().checked_sub(format.id_len())?)?);
    Some(hasher.finish())
}
