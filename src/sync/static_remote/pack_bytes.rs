//! A pack as bytes, on its way to a static remote.

use super::lacking::Role;
use crate::git::{
    EntryAt, ObjectFormat, ObjectId, PACK_HEADER_LEN, PackChecksum, pack_header, seal,
};

/// The entries of a pack that is being made, in memory.
#[derive(Default)]
pub(super) struct PackBytes {
    entries: Vec<(Role, ObjectId, Vec<u8>)>,
    bytes: usize,
}

/// A pack and its index.
pub(super) struct SealedPack {
    pub(super) checksum: String,
    pub(super) pack: Vec<u8>,
    pub(super) index: Vec<u8>,
}

impl PackBytes {
    /// Adds the raw entry of an object.
    pub(super) fn add(&mut self, role: Role, id: ObjectId, entry: Vec<u8>) {
        self.bytes += entry.len();
        self.entries.push((role, id, entry));
    }

    /// Returns how many bytes the entries have.
    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Puts all that leads to the parts first, and makes it a pack.
    pub(super) fn seal(mut self, format: ObjectFormat) -> SealedPack {
        self.entries.sort_by_key(|(role, ..)| *role);
        let count = u32::try_from(self.entries.len()).expect("a pack has fewer than 2^32 objects");
        let mut pack = Vec::with_capacity(PACK_HEADER_LEN + self.bytes + format.id_len());
        pack.extend_from_slice(&pack_header(count));
        let mut places = Vec::with_capacity(self.entries.len());
        for (_, id, entry) in &self.entries {
            let crc32 = crc32fast::hash(entry);
            places.push(EntryAt { id: *id, offset: pack.len() as u64, crc32 });
            pack.extend_from_slice(entry);
        }
        let mut checksum = PackChecksum::new(format);
        checksum.update(&pack);
        let checksum = checksum.finish();
        pack.extend_from_slice(checksum.as_bytes());
        let index = seal(format, &mut places, &checksum);
        SealedPack { checksum: checksum.to_string(), pack, index }
    }
}
