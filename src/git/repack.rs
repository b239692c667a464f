//! A pack made of entries of others, copied as they are: nothing is unpacked, deltas included.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::odb::pack;

use super::objects::Hasher;
use super::pack::{Compression, EntryAt, PACK_HEADER_LEN, PackedObject, pack_header};
use super::packs::Pack;
use super::raw_pack::checksum_of;
use crate::config::ObjectFormat;
use crate::disk;
use crate::error::Result;

/// How many bytes are copied at a time: hashed by one core while another writes.
const STEP: usize = 4 << 20;

/// What the index of a pack says: which objects are where. Their bytes are not looked at.
pub(crate) struct PackListing {
    pub(crate) index_path: PathBuf,
    pack: Pack,
    format: ObjectFormat,
    /// In the order of the pack.
    entries: Vec<EntryAt>,
    end: u64,
}

/// What a delta stands on.
enum Base {
    At(u64),
    Object(ObjectId),
}

impl PackListing {
    /// Reads the index; `None` if it, or the head of its pack, is damaged or gone.
    pub(crate) fn open(index_path: &Path, format: ObjectFormat) -> Option<PackListing> {
        let index = pack::index::File::at(index_path, format.gix()).ok()?;
        if checksum_of(format, &disk::read(index_path).ok()?)? != index.index_checksum() {
            return None;
        }
        let mut entries = Vec::with_capacity(index.num_objects() as usize);
        for entry in index.iter() {
            entries.push(EntryAt { id: entry.oid, offset: entry.pack_offset, crc32: entry.crc32? });
        }
        entries.sort_unstable_by_key(|entry| entry.offset);
        let pack = Pack::new(index_path.to_owned(), 0, index);
        let data = pack.data(format).ok()?;
        if data.num_objects() as usize != entries.len() {
            return None;
        }
        let end = data.pack_end() as u64;
        let is_inside = |entry: &EntryAt| entry.offset >= PACK_HEADER_LEN as u64;
        if !entries.first().is_none_or(is_inside) || entries.last().is_some_and(|e| e.offset >= end)
        {
            return None;
        }
        Some(PackListing { index_path: index_path.to_owned(), pack, format, entries, end })
    }

    /// Returns the objects in the order of the pack.
    pub(crate) fn entries(&self) -> &[EntryAt] {
        &self.entries
    }

    /// Returns how many bytes the entry of that number takes.
    pub(crate) fn len_of(&self, number: usize) -> u64 {
        let end = self.entries.get(number + 1).map_or(self.end, |next| next.offset);
        end - self.entries[number].offset
    }

    fn bytes(&self, number: usize) -> Option<&[u8]> {
        let start = self.entries[number].offset;
        self.pack.data(self.format).ok()?.entry_slice(start..start + self.len_of(number))
    }

    fn number_at(&self, offset: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&offset, |entry| entry.offset).ok()
    }

    /// Returns the number of an object's entry.
    pub(crate) fn number_of(&self, id: &ObjectId) -> Option<usize> {
        self.number_at(self.pack.offset_of(id)?)
    }

    /// Returns the entry that the delta of that number stands on, if it is one and has one here.
    fn base_of(&self, number: usize) -> Option<usize> {
        let (_, base, _) = delta(self.bytes(number)?, self.entries[number].offset, self.format)?;
        match base {
            Base::At(offset) => self.number_at(offset),
            Base::Object(id) => self.number_of(&id),
        }
    }

    /// Adds to the `chosen` entries all that they stand on as deltas.
    pub(crate) fn add_bases(&self, chosen: &mut [bool]) {
        let mut open: Vec<usize> = (0..chosen.len()).filter(|&number| chosen[number]).collect();
        while let Some(number) = open.pop() {
            if let Some(base) = self.base_of(number)
                && !chosen[base]
            {
                chosen[base] = true;
                open.push(base);
            }
        }
    }

    /// Whether the object of that number is as it was stored.
    pub(crate) fn is_intact(&self, number: usize) -> bool {
        let entry = &self.entries[number];
        let mut content = Vec::new();
        self.pack
            .read(self.format, entry.offset, &mut content)
            .is_ok_and(|kind| super::objects::object_id(self.format, kind, &content) == entry.id)
    }
}

/// Returns the head before the base, the base, and what follows it, if an entry is a delta
/// (`gitformat-pack`).
fn delta(entry: &[u8], offset: u64, format: ObjectFormat) -> Option<(&[u8], Base, &[u8])> {
    let head_len = 1 + entry.iter().position(|byte| byte & 0x80 == 0)?;
    let (head, rest) = entry.split_at(head_len);
    match (entry[0] >> 4) & 7 {
        6 => {
            let mut distance = 0_u64;
            for (at, byte) in rest.iter().enumerate().take(10) {
                distance = distance.checked_mul(128)? | u64::from(byte & 0x7f);
                if byte & 0x80 == 0 {
                    let base = offset.checked_sub(distance)?;
                    return Some((head, Base::At(base), &rest[at + 1..]));
                }
                distance += 1;
            }
            None
        }
        7 => {
            let (id, rest) = rest.split_at_checked(format.id_len())?;
            Some((head, Base::Object(ObjectId::try_from(id).ok()?), rest))
        }
        _ => None,
    }
}

/// Writes how far before its delta a base is.
fn distance_bytes(mut distance: u64) -> Vec<u8> {
    let low = |number: u64| u8::try_from(number & 0x7f).expect("seven bits fit");
    let mut bytes = vec![low(distance)];
    distance >>= 7;
    while distance > 0 {
        distance -= 1;
        bytes.push(0x80 | low(distance));
        distance >>= 7;
    }
    bytes.reverse();
    bytes
}

/// A pack that was made of entries of others, and is not among the packs yet.
pub(crate) struct CopiedPack {
    pub(crate) file: File,
    pub(crate) entries: Vec<EntryAt>,
    pub(crate) checksum: ObjectId,
    pub(crate) bytes: u64,
}

/// What became of a copy.
pub(crate) enum Copied {
    Done(CopiedPack),
    /// An entry of that pack is not what was stored; nothing was made.
    Damaged(PathBuf),
}

/// Copies the chosen entries of `sources` into the new pack `path`, each object once, and waits
/// until they are on the device. A delta whose base is not chosen becomes a whole object.
///
/// # Errors
/// [`crate::Error::Disk`] if it cannot be written; then nothing is left of it.
pub(crate) fn copy_pack(
    path: &Path,
    sources: &[(&PackListing, &[bool])],
    format: ObjectFormat,
    step: &dyn Fn(u64),
) -> Result<Copied> {
    let done = write_copy(path, sources, format, step);
    if !matches!(done, Ok(Copied::Done(_))) {
        disk::remove(path)?;
    }
    done
}

fn write_copy(
    path: &Path,
    sources: &[(&PackListing, &[bool])],
    format: ObjectFormat,
    step: &dyn Fn(u64),
) -> Result<Copied> {
    disk::remove(path)?;
    let mut first: HashMap<ObjectId, u64> = HashMap::new();
    for (listing, chosen) in sources {
        let ids = listing.entries.iter().zip(*chosen).filter(|(_, chosen)| **chosen);
        first.extend(ids.map(|(entry, _)| (entry.id, 0)));
    }
    let count = u32::try_from(first.len()).expect("a pack has fewer than 2^32 objects");
    let header = pack_header(count);
    let mut file = disk::create_new(path)?;
    disk::append(&mut file, path, &[&header])?;
    let mut hasher = Hasher::new(format);
    hasher.update(&header);
    let mut entries: Vec<EntryAt> = Vec::with_capacity(first.len());
    let mut end = PACK_HEADER_LEN as u64;
    for (listing, chosen) in sources {
        let mut number = 0;
        while number < listing.entries.len() {
            let mut batch = Batch { pieces: Vec::new(), made: Vec::new(), bytes: 0 };
            while number < listing.entries.len() && batch.bytes < STEP {
                let entry = listing.entries[number];
                // A position of 0 is none: entries come after the header.
                if chosen[number] && first.get(&entry.id) == Some(&0) {
                    let Some((crc32, len)) = batch.add(listing, number, end, &first) else {
                        return Ok(Copied::Damaged(listing.index_path.with_extension("pack")));
                    };
                    first.insert(entry.id, end);
                    entries.push(EntryAt { offset: end, crc32, id: entry.id });
                    end += len;
                }
                number += 1;
            }
            let pieces = batch.slices();
            let (is_good, written) =
                rayon::join(|| batch.hash(&mut hasher), || disk::append(&mut file, path, &pieces));
            written?;
            if !is_good {
                return Ok(Copied::Damaged(listing.index_path.with_extension("pack")));
            }
            step(batch.bytes as u64);
        }
    }
    let checksum = hasher.finish();
    disk::append(&mut file, path, &[checksum.as_bytes()])?;
    disk::sync(&file, path)?;
    let bytes = end + format.id_len() as u64;
    Ok(Copied::Done(CopiedPack { file, entries, checksum, bytes }))
}

/// Entries on their way into a pack.
struct Batch<'a> {
    pieces: Vec<Piece<'a>>,
    /// What was made anew.
    made: Vec<Vec<u8>>,
    bytes: usize,
}

enum Piece<'a> {
    /// An entry as it stands, with its checksum.
    Raw(&'a [u8], u32),
    /// One that was made anew.
    Made(usize),
}

impl<'a> Batch<'a> {
    /// Adds an entry that will stand at `end`; returns its checksum and length, or nothing if it
    /// is damaged.
    fn add(
        &mut self,
        listing: &'a PackListing,
        number: usize,
        end: u64,
        placed: &HashMap<ObjectId, u64>,
    ) -> Option<(u32, u64)> {
        let at = listing.entries[number];
        let bytes = listing.bytes(number)?;
        let base = delta(bytes, at.offset, listing.format);
        let Some((head, base, rest)) = base else {
            self.pieces.push(Piece::Raw(bytes, at.crc32));
            self.bytes += bytes.len();
            return Some((at.crc32, bytes.len() as u64));
        };
        if crc32fast::hash(bytes) != at.crc32 {
            return None;
        }
        let new_base = match &base {
            Base::At(offset) => placed.get(&listing.entries[listing.number_at(*offset)?].id),
            Base::Object(id) => placed.get(id),
        };
        let made = match (base, new_base) {
            (Base::At(_), Some(&new)) if new > 0 => {
                [head, &distance_bytes(end - new), rest].concat()
            }
            (Base::Object(_), Some(_)) => bytes.to_vec(),
            _ => whole(listing, &at)?,
        };
        let (crc32, len) = (crc32fast::hash(&made), made.len());
        self.pieces.push(Piece::Made(self.made.len()));
        self.made.push(made);
        self.bytes += len;
        Some((crc32, len as u64))
    }

    fn slices(&self) -> Vec<&[u8]> {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Raw(bytes, _) => *bytes,
                Piece::Made(number) => self.made[*number].as_slice(),
            })
            .collect()
    }

    /// Adds all to the checksum of the pack; says whether the raw ones are as they were written.
    fn hash(&self, hasher: &mut Hasher) -> bool {
        self.pieces.iter().zip(self.slices()).all(|(piece, bytes)| {
            hasher.update(bytes);
            !matches!(piece, Piece::Raw(_, crc32) if crc32fast::hash(bytes) != *crc32)
        })
    }
}

/// Returns an object that was a delta as an entry of its own.
fn whole(listing: &PackListing, at: &EntryAt) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let kind = listing.pack.read(listing.format, at.offset, &mut content).ok()?;
    if super::objects::object_id(listing.format, kind, &content) != at.id {
        return None;
    }
    Some(PackedObject::new(at.id, kind, &content, Compression::Deflate(6)).pieces().concat())
}
