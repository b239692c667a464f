//! Reads what can still be read of a damaged pack, with its index or without.

use std::collections::HashMap;

use gix::ObjectId;
use gix::odb::pack;

use super::inflate::inflate_counted;
use super::objects::{Kind, object_id};
use super::pack::{EntryAt, PACK_HEADER_LEN, stored_content};
use crate::config::ObjectFormat;

/// Longer chains of deltas than git makes are damage.
const DEEPEST: usize = 4096;

/// A pack of which any byte may be wrong.
pub(crate) struct DamagedPack<'a> {
    bytes: &'a [u8],
    format: ObjectFormat,
    /// Where entries begin, with where they end, as far as they could be told.
    entries: Vec<(usize, usize)>,
    /// Which objects the index says there are, and where; empty without one.
    indexed: HashMap<ObjectId, usize>,
    is_whole: bool,
}

/// One entry: what it is, and the bytes that its stream holds.
struct Entry {
    header: pack::data::entry::Header,
    content: Vec<u8>,
    end: usize,
    /// Whether the checksum of the stream fits its content.
    is_checked: bool,
}

impl<'a> DamagedPack<'a> {
    /// Looks for the entries of the pack `bytes`, at the places that `indexed` gives and, where it
    /// gives none, one behind the other. Behind a damaged one it looks for the next.
    pub(crate) fn read(
        bytes: &'a [u8],
        indexed: HashMap<ObjectId, usize>,
        format: ObjectFormat,
    ) -> DamagedPack<'a> {
        let mut found =
            DamagedPack { bytes, format, entries: Vec::new(), indexed, is_whole: false };
        let end = bytes.len().saturating_sub(format.id_len());
        let mut places: Vec<usize> = found.indexed.values().copied().collect();
        places.sort_unstable();
        let mut at = PACK_HEADER_LEN;
        let mut gaps = 0;
        while at < end {
            if let Some(entry) = found.entry(at) {
                found.entries.push((at, entry.end));
                at = entry.end;
                continue;
            }
            gaps += 1;
            let next = places.partition_point(|place| *place <= at);
            at = match places.get(next) {
                Some(place) => *place,
                None => (at + 1..end).find(|at| found.entry(*at).is_some()).unwrap_or(end),
            };
        }
        let count = bytes.get(8..12).and_then(|count| count.try_into().ok());
        let count = count.map_or(0, u32::from_be_bytes) as usize;
        found.is_whole = gaps == 0 && at == end && count == found.entries.len();
        found
    }

    /// Whether every byte is part of an entry, as many as the head says.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    fn entry(&self, at: usize) -> Option<Entry> {
        let end = self.bytes.len().checked_sub(self.format.id_len())?;
        let bytes = self.bytes.get(at..end)?;
        // Types 1 to 4, 6 and 7 are those of `gitformat-pack`.
        if !matches!((bytes.first()? >> 4) & 7, 1..=4 | 6 | 7) {
            return None;
        }
        let entry = pack::data::Entry::from_bytes(bytes, at as u64, self.format.gix()).ok()?;
        let start = usize::try_from(entry.data_offset).ok()?.checked_sub(at)?;
        let stream = bytes.get(start..)?;
        let (first, second) = (*stream.first()?, *stream.get(1)?);
        if first & 0x0f != 8 || (u16::from(first) << 8 | u16::from(second)) % 31 != 0 {
            return None;
        }
        let size = usize::try_from(entry.decompressed_size).ok()?;
        let mut content = Vec::new();
        if let Ok(taken) = inflate_counted(stream, size, &mut content)
            && content.len() == size
        {
            let end = at + start + taken;
            return Some(Entry { header: entry.header, content, end, is_checked: true });
        }
        // Stored content may be good though its checksum is not.
        let blocks = size.div_ceil(65_535).max(1);
        let taken = 2 + 5 * blocks + size + 4;
        if taken > stream.len() {
            return None;
        }
        content.clear();
        content.resize(size, 0);
        stored_content(stream, &mut content).then(|| Entry {
            header: entry.header,
            content,
            end: at + start + taken,
            is_checked: false,
        })
    }

    /// Returns an object whose entry is at `at`, put together from its deltas, and whether every
    /// checksum on the way fits.
    fn object(&self, at: usize, depth: usize) -> Option<(Kind, Vec<u8>, bool)> {
        use pack::data::entry::Header;
        let entry = self.entry(at)?;
        let base = match entry.header {
            Header::Blob => return Some((Kind::Blob, entry.content, entry.is_checked)),
            Header::Tree => return Some((Kind::Tree, entry.content, entry.is_checked)),
            Header::Commit => return Some((Kind::Commit, entry.content, entry.is_checked)),
            Header::Tag => return Some((Kind::Tag, entry.content, entry.is_checked)),
            Header::OfsDelta { base_distance } => {
                at.checked_sub(usize::try_from(base_distance).ok()?)?
            }
            Header::RefDelta { base_id } => *self.indexed.get(&base_id)?,
        };
        if depth == DEEPEST || base == at {
            return None;
        }
        let (kind, base, is_checked) = self.object(base, depth + 1)?;
        let content = apply_delta(&base, &entry.content)?;
        Some((kind, content, is_checked && entry.is_checked))
    }

    /// Gives every object that can be read to `take`: those of the index, and such as fit their
    /// checksums.
    ///
    /// # Errors
    /// Those of `take`.
    pub(crate) fn objects<E>(
        &self,
        mut take: impl FnMut(EntryAt, Kind, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for &(start, end) in &self.entries {
            let Some((kind, content, is_checked)) = self.object(start, 0) else { continue };
            let id = object_id(self.format, kind, &content);
            if is_checked || self.indexed.contains_key(&id) {
                let crc32 = crc32fast::hash(&self.bytes[start..end]);
                take(EntryAt { id, offset: start as u64, crc32 }, kind, &content)?;
            }
        }
        Ok(())
    }
}

/// Returns what an index says, as far as it can be read; empty if it makes no sense.
pub(crate) fn indexed_offsets(
    index_path: &std::path::Path,
    format: ObjectFormat,
) -> HashMap<ObjectId, usize> {
    let Ok(index) = pack::index::File::at(index_path, format.gix()) else { return HashMap::new() };
    let read = || {
        index
            .iter()
            .filter_map(|entry| Some((entry.oid, usize::try_from(entry.pack_offset).ok()?)))
            .collect()
    };
    // Third-party code over bytes that may be anything.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_default()
}

/// Puts an object together from its base and a delta (`gitformat-pack`); `None` if that makes no
/// sense.
fn apply_delta(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = delta.iter().copied();
    let size = |bytes: &mut dyn Iterator<Item = u8>| -> Option<usize> {
        let (mut size, mut shift) = (0_usize, 0);
        loop {
            let byte = bytes.next()?;
            size |= usize::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(size);
            }
            shift += 7;
        }
    };
    if size(&mut bytes)? != base.len() {
        return None;
    }
    let total = size(&mut bytes)?;
    let mut out = Vec::new();
    while let Some(command) = bytes.next() {
        if command & 0x80 == 0 {
            if command == 0 {
                return None;
            }
            for _ in 0..command {
                out.push(bytes.next()?);
            }
        } else {
            let mut number = |bits: u8, first: u8| -> Option<usize> {
                (0..bits).try_fold(0_usize, |number, bit| {
                    if command & (first << bit) == 0 {
                        return Some(number);
                    }
                    Some(number | usize::from(bytes.next()?) << (8 * bit))
                })
            };
            let start = number(4, 1)?;
            let len = match number(3, 0x10)? {
                0 => 0x10000,
                len => len,
            };
            out.extend_from_slice(base.get(start..start.checked_add(len)?)?);
        }
        if out.len() > total {
            return None;
        }
    }
    (out.len() == total).then_some(out)
}
