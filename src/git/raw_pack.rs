//! A pack as raw entries: what is copied from pack to pack without being unpacked.

use std::path::{Path, PathBuf};

use gix::odb::pack;

use super::pack::EntryAt;
use crate::config::ObjectFormat;

/// A pack of which every entry is a whole object, as recell's own are; git's deltas are bound to
/// their pack.
pub(crate) struct RawPack {
    pub(crate) index_path: PathBuf,
    data: pack::data::File,
    entries: Vec<EntryAt>,
}

impl RawPack {
    /// Opens the pack of that index; `None` if it cannot be read, or if an entry is a delta.
    pub(crate) fn open(index_path: &Path, format: ObjectFormat) -> Option<RawPack> {
        let index = pack::index::File::at(index_path, format.gix()).ok()?;
        let data = pack::data::File::at(index_path.with_extension("pack"), format.gix()).ok()?;
        let mut entries = Vec::with_capacity(index.num_objects() as usize);
        for entry in index.iter() {
            let crc32 = entry.crc32?;
            entries.push(EntryAt { id: entry.oid, offset: entry.pack_offset, crc32 });
        }
        entries.sort_unstable_by_key(|entry| entry.offset);
        let pack = RawPack { index_path: index_path.to_owned(), data, entries };
        let is_whole = |at: usize| {
            let first = pack.bytes(at).and_then(|bytes| bytes.first().copied());
            first.is_some_and(|first| (1..=4).contains(&((first >> 4) & 7)))
        };
        (0..pack.entries.len()).all(is_whole).then_some(pack)
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
