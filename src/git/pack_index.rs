//! The index of a pack that is elsewhere: bytes that came over a network, so that nothing in them
//! is believed before it was checked (git's `gitformat-pack`, version 2).

use gix::ObjectId;

use super::objects::Hasher;
use super::pack::{EntryAt, PACK_HEADER_LEN};
use crate::config::ObjectFormat;

const MAGIC: &[u8] = b"\xfftOc\0\0\0\x02";
const FANOUT: usize = 256 * 4;

/// A pack's index, checked whole: its checksum, its order, and that no number leads outside it.
pub(crate) struct PackIndex {
    id_len: usize,
    bytes: Vec<u8>,
    count: usize,
    /// Where entries begin in the pack, in its order, each with its place in the index.
    places: Vec<(u64, u32)>,
}

impl PackIndex {
    /// Reads an index.
    ///
    /// # Errors
    /// Why it is none, in a few words.
    pub(crate) fn read(bytes: Vec<u8>, format: ObjectFormat) -> Result<PackIndex, &'static str> {
        let id_len = format.id_len();
        let fixed = MAGIC.len() + FANOUT + 2 * id_len;
        if bytes.len() < fixed || !bytes.starts_with(MAGIC) {
            return Err("it is no index of a pack");
        }
        let mut hasher = Hasher::new(format);
        hasher.update(&bytes[..bytes.len() - id_len]);
        if hasher.finish().as_bytes() != &bytes[bytes.len() - id_len..] {
            return Err("its checksum does not fit");
        }
        let mut index = PackIndex { id_len, bytes, count: 0, places: Vec::new() };
        let mut total = 0;
        for number in 0..256 {
            let next = index.word(MAGIC.len() + 4 * number) as usize;
            if next < total {
                return Err("its counts go backwards");
            }
            total = next;
        }
        index.count = total;
        let plain = fixed as u64 + total as u64 * (id_len as u64 + 8);
        let rest = (index.bytes.len() as u64).checked_sub(plain).ok_or("it is cut off")?;
        if !rest.is_multiple_of(8) {
            return Err("it has bytes that mean nothing");
        }
        let mut places = Vec::with_capacity(total);
        for number in 0..total {
            if number > 0 && index.id_bytes(number - 1) >= index.id_bytes(number) {
                return Err("its objects are not in order");
            }
            let first = usize::from(index.id_bytes(number)[0]);
            let upto = |byte: usize| index.word(MAGIC.len() + 4 * byte) as usize;
            if number >= upto(first) || first.checked_sub(1).is_some_and(|b| number < upto(b)) {
                return Err("its counts do not fit its objects");
            }
            let offset = index.offset_in(number, rest).ok_or("an offset leads nowhere")?;
            if offset < PACK_HEADER_LEN as u64 {
                return Err("an object would stand in the head of the pack");
            }
            places.push((offset, u32::try_from(number).map_err(|_| "it is too large")?));
        }
        places.sort_unstable();
        if places.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err("two objects would stand in one place");
        }
        index.places = places;
        Ok(index)
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.bytes[at..at + 4].try_into().expect("four bytes were taken"))
    }

    fn id_bytes(&self, number: usize) -> &[u8] {
        let at = MAGIC.len() + FANOUT + number * self.id_len;
        &self.bytes[at..at + self.id_len]
    }

    /// Reads an offset; offsets from 2 GiB on stand in a table of `large` bytes.
    fn offset_in(&self, number: usize, large: u64) -> Option<u64> {
        let tables = MAGIC.len() + FANOUT + self.count * (self.id_len + 4);
        let word = self.word(tables + 4 * number);
        if word >> 31 == 0 {
            return Some(u64::from(word));
        }
        let at = u64::from(word & 0x7fff_ffff) * 8;
        if at + 8 > large {
            return None;
        }
        let at = tables + 4 * self.count + usize::try_from(at).ok()?;
        Some(u64::from_be_bytes(self.bytes[at..at + 8].try_into().ok()?))
    }

    /// Returns how many objects the pack has.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Returns the checksum that the pack ends in.
    pub(crate) fn pack_checksum(&self) -> &[u8] {
        let end = self.bytes.len() - self.id_len;
        &self.bytes[end - self.id_len..end]
    }

    /// Whether the pack has the object.
    pub(crate) fn contains(&self, id: &ObjectId) -> bool {
        self.number_of(id).is_some()
    }

    fn number_of(&self, id: &ObjectId) -> Option<usize> {
        let wanted = id.as_bytes();
        let upto = |byte: usize| self.word(MAGIC.len() + 4 * byte) as usize;
        let first = usize::from(wanted[0]);
        let (mut low, mut high) = (first.checked_sub(1).map_or(0, upto), upto(first));
        while low < high {
            let middle = low.midpoint(high);
            match self.id_bytes(middle).cmp(wanted) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    /// Returns where in the order of the pack the object is.
    pub(crate) fn rank_of(&self, id: &ObjectId) -> Option<usize> {
        let number = self.number_of(id)?;
        let tables = self.bytes.len() - 2 * self.id_len;
        let large = tables - (MAGIC.len() + FANOUT + self.count * (self.id_len + 8));
        let offset = self.offset_in(number, large as u64)?;
        self.places.binary_search_by_key(&offset, |place| place.0).ok()
    }

    /// Returns the entry at that place in the order of the pack.
    pub(crate) fn entry(&self, rank: usize) -> EntryAt {
        let (offset, number) = self.places[rank];
        let number = number as usize;
        let id = ObjectId::try_from(self.id_bytes(number)).expect("ids have their length");
        let crcs = MAGIC.len() + FANOUT + self.count * self.id_len;
        EntryAt { id, offset, crc32: self.word(crcs + 4 * number) }
    }

    /// Returns where the entry at that place ends, if another follows it.
    pub(crate) fn end(&self, rank: usize) -> Option<u64> {
        self.places.get(rank + 1).map(|place| place.0)
    }
}

/// Whether the entry of a pack that begins with these bytes is a delta of another.
pub(crate) fn is_delta(entry: &[u8]) -> bool {
    // Types 1 to 4 are objects, 6 and 7 are deltas.
    entry.first().is_some_and(|head| (head >> 4) & 7 > 4)
}

#[cfg(test)]
mod tests {
    use super::super::pack::seal;
    use super::*;
    use crate::git::{Kind, object_id};

    fn index(format: ObjectFormat, offsets: &[u64]) -> (Vec<EntryAt>, Vec<u8>) {
        let id = |n: &u64| object_id(format, Kind::Blob, &n.to_be_bytes());
        let mut entries: Vec<EntryAt> = offsets
            .iter()
            .map(|n| EntryAt { id: id(n), offset: *n, crc32: u32::try_from(*n & 0xffff).unwrap() })
            .collect();
        let checksum = object_id(format, Kind::Blob, b"pack");
        let bytes = seal(format, &mut entries, &checksum);
        (entries, bytes)
    }

    #[test]
    fn what_seal_wrote_is_read_back() {
        for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
            let offsets: Vec<u64> =
                (0..700).map(|n| 12 + n * 17).chain([1 << 33, 1 << 40]).collect();
            let (entries, bytes) = index(format, &offsets);
            let index = PackIndex::read(bytes, format).unwrap();
            assert_eq!(index.len(), offsets.len());
            for entry in entries {
                let rank = index.rank_of(&entry.id).unwrap();
                assert_eq!(index.entry(rank), entry);
                assert_eq!(offsets[rank], entry.offset, "ranks are in the order of the pack");
                assert_eq!(index.end(rank), offsets.get(rank + 1).copied());
            }
            assert!(!index.contains(&object_id(format, Kind::Blob, b"other")));
            let checksum = object_id(format, Kind::Blob, b"pack");
            assert_eq!(index.pack_checksum(), checksum.as_bytes());
        }
    }

    #[test]
    fn no_damage_is_believed_even_if_the_checksum_fits() {
        let format = ObjectFormat::Sha1;
        let (_, good) = index(format, &[12, 40, 1 << 33]);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0xff;
            assert!(PackIndex::read(bad.clone(), format).is_err(), "byte {at}");
            // A liar makes the checksum anew: then there may be other objects, but no panic.
            let end = bad.len() - 20;
            let mut hasher = Hasher::new(format);
            hasher.update(&bad[..end]);
            bad[end..].copy_from_slice(hasher.finish().as_bytes());
            if let Ok(index) = PackIndex::read(bad, format) {
                for rank in 0..index.len() {
                    assert_eq!(index.rank_of(&index.entry(rank).id), Some(rank), "byte {at}");
                }
            }
        }
        for end in 0..good.len() {
            assert!(PackIndex::read(good[..end].to_vec(), format).is_err(), "cut at {end}");
        }
    }
}
