//! One record of a journal's log as bytes, with its checksum (format.md, section 5).

use crate::digest::Digest;
use crate::git::{EntryAt, ObjectFormat, ObjectId};

/// The first bytes of a log; the last is the length of an object id.
pub(super) const LOG_MAGIC: &[u8; 7] = b"RCLLOG1";
/// The bytes of a log before its first record.
pub(super) const LOG_HEADER_LEN: usize = 8;

/// Length and checksum of the record that follows.
const FRAME_LEN: usize = 8;

const OBJECTS: u8 = 1;
const ENTRY: u8 = 2;
const KNOWN: u8 = 3;
const SEALED: u8 = 4;
const RELIED: u8 = 5;
const REF: u8 = 6;

/// The kinds that this release writes.
const KINDS: [u8; 6] = [OBJECTS, ENTRY, KNOWN, SEALED, RELIED, REF];

/// Bytes that the store has, by their BLAKE3: a part or a chunk and the object that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) digest: Digest,
    pub(crate) id: ObjectId,
    /// Of how many chunks the object is a tree; 0 if it is a blob.
    pub(crate) chunks: u32,
}

/// What a writer says happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// These objects are in the pack, which now ends at `end`.
    Objects { end: u64, objects: Vec<EntryAt> },
    /// The entry of that name has that tree: it is committed.
    Entry { name: String, tree: ObjectId },
    /// These contents are in those objects.
    Known(Vec<Known>),
    /// The pack is complete, under the name of that checksum.
    Sealed { checksum: ObjectId },
    /// A put that is not done yet relies on these objects, which are elsewhere in the store.
    Relied(Vec<ObjectId>),
    /// The ref of that full name stands for that object; the last word counts.
    Ref { name: String, id: ObjectId },
    /// A later release wrote it, and what it says is not known here.
    Later,
}

/// Returns the first bytes of a log.
pub(super) fn log_header(format: ObjectFormat) -> [u8; LOG_HEADER_LEN] {
    let mut header = [0; LOG_HEADER_LEN];
    header[..7].copy_from_slice(LOG_MAGIC);
    header[7] = u8::try_from(format.id_len()).expect("an id has 20 or 32 bytes");
    header
}

impl Record {
    /// Appends the record with its frame.
    pub(super) fn write_to(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; FRAME_LEN]);
        match self {
            Record::Objects { end, objects } => {
                out.push(OBJECTS);
                out.extend_from_slice(&end.to_le_bytes());
                for object in objects {
                    out.extend_from_slice(object.id.as_bytes());
                    out.extend_from_slice(&object.offset.to_le_bytes());
                    out.extend_from_slice(&object.crc32.to_le_bytes());
                }
            }
            Record::Entry { name, tree } => {
                out.push(ENTRY);
                out.extend_from_slice(tree.as_bytes());
                out.extend_from_slice(name.as_bytes());
            }
            Record::Known(known) => {
                out.push(KNOWN);
                for one in known {
                    out.extend_from_slice(one.digest.as_bytes());
                    out.extend_from_slice(one.id.as_bytes());
                    out.extend_from_slice(&one.chunks.to_le_bytes());
                }
            }
            Record::Sealed { checksum } => {
                out.push(SEALED);
                out.extend_from_slice(checksum.as_bytes());
            }
            Record::Relied(ids) => {
                out.push(RELIED);
                for id in ids {
                    out.extend_from_slice(id.as_bytes());
                }
            }
            Record::Ref { name, id } => {
                out.push(REF);
                out.extend_from_slice(id.as_bytes());
                out.extend_from_slice(name.as_bytes());
            }
            Record::Later => unreachable!("nobody writes what nobody knows"),
        }
        let payload = &out[start + FRAME_LEN..];
        let length = u32::try_from(payload.len()).expect("a record is far below 4 GiB");
        let checksum = crc32fast::hash(payload);
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
        out[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
    }
}

/// What stands at one place of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// A record, and the bytes it took.
    Whole(Record, usize),
    /// The bytes end before the record does: it was never acknowledged, or is being written.
    Torn,
    /// The bytes are all there and are not what was written; if only the payload is, the next
    /// record starts after this many.
    Damaged(usize),
}

/// Reads the record that `bytes` starts with.
pub(super) fn read_record(format: ObjectFormat, bytes: &[u8]) -> Read {
    let Some((frame, rest)) = bytes.split_at_checked(FRAME_LEN) else { return Read::Torn };
    let word = |at: usize| {
        u32::from_le_bytes(frame[at..at + 4].try_into().expect("the slice has four bytes"))
    };
    let Ok(length) = usize::try_from(word(0)) else { return Read::Damaged(0) };
    let Some(payload) = rest.get(..length) else { return Read::Torn };
    if crc32fast::hash(payload) != word(4) {
        return Read::Damaged(FRAME_LEN + length);
    }
    match parse(format, payload) {
        Some(record) => Read::Whole(record, FRAME_LEN + length),
        None => Read::Damaged(FRAME_LEN + length),
    }
}

/// Returns the first whole record in `bytes`, where it starts and what it took.
pub(super) fn find_record(format: ObjectFormat, bytes: &[u8]) -> Option<(usize, Record, usize)> {
    (0..bytes.len()).find_map(|at| {
        // Most places are ruled out by the kind alone.
        let kind = bytes.get(at + FRAME_LEN)?;
        if !KINDS.contains(kind) {
            return None;
        }
        match read_record(format, &bytes[at..]) {
            Read::Whole(record, length) => Some((at, record, length)),
            Read::Torn | Read::Damaged(_) => None,
        }
    })
}

/// Reads a record that takes all of `bytes`, whatever its frame says of its length.
pub(super) fn record_of_damaged_length(format: ObjectFormat, bytes: &[u8]) -> Option<Record> {
    let (frame, payload) = bytes.split_at_checked(FRAME_LEN)?;
    let checksum = u32::from_le_bytes(frame[4..].try_into().ok()?);
    (crc32fast::hash(payload) == checksum).then(|| parse(format, payload)).flatten()
}

fn parse(format: ObjectFormat, payload: &[u8]) -> Option<Record> {
    let id_len = format.id_len();
    let (kind, body) = payload.split_first()?;
    let id = |bytes: &[u8]| ObjectId::try_from(bytes).ok();
    match *kind {
        OBJECTS => {
            let (end, list) = body.split_at_checked(8)?;
            let width = id_len + 12;
            if list.len() % width != 0 {
                return None;
            }
            let objects = list.chunks_exact(width).map(|one| {
                Some(EntryAt {
                    id: id(&one[..id_len])?,
                    offset: u64::from_le_bytes(one[id_len..id_len + 8].try_into().ok()?),
                    crc32: u32::from_le_bytes(one[id_len + 8..].try_into().ok()?),
                })
            });
            Some(Record::Objects {
                end: u64::from_le_bytes(end.try_into().ok()?),
                objects: objects.collect::<Option<_>>()?,
            })
        }
        ENTRY => {
            let (tree, name) = body.split_at_checked(id_len)?;
            Some(Record::Entry { tree: id(tree)?, name: String::from_utf8(name.to_vec()).ok()? })
        }
        KNOWN => {
            let width = 32 + id_len + 4;
            if body.len() % width != 0 {
                return None;
            }
            let known = body.chunks_exact(width).map(|one| {
                Some(Known {
                    digest: Digest::from_bytes(one[..32].try_into().ok()?),
                    id: id(&one[32..32 + id_len])?,
                    chunks: u32::from_le_bytes(one[32 + id_len..].try_into().ok()?),
                })
            });
            Some(Record::Known(known.collect::<Option<_>>()?))
        }
        RELIED => {
            if body.len() % id_len != 0 {
                return None;
            }
            body.chunks_exact(id_len).map(id).collect::<Option<_>>().map(Record::Relied)
        }
        SEALED => Some(Record::Sealed { checksum: id(body)? }),
        REF => {
            let (object, name) = body.split_at_checked(id_len)?;
            Some(Record::Ref { id: id(object)?, name: String::from_utf8(name.to_vec()).ok()? })
        }
        // 0 is what a hole in a file reads as.
        0 => None,
        _ => Some(Record::Later),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::git::{Kind, object_id};

    fn any_record() -> impl Strategy<Value = Record> {
        let id = any::<u64>()
            .prop_map(|seed| object_id(ObjectFormat::Sha1, Kind::Blob, &seed.to_le_bytes()));
        let at = (id.clone(), any::<u64>(), any::<u32>()).prop_map(|(id, offset, crc32)| EntryAt {
            id,
            offset,
            crc32,
        });
        let known =
            (id.clone(), any::<[u8; 32]>(), any::<u32>()).prop_map(|(id, digest, chunks)| Known {
                digest: Digest::from_bytes(digest),
                id,
                chunks,
            });
        prop_oneof![
            (any::<u64>(), prop::collection::vec(at, 0..4))
                .prop_map(|(end, objects)| Record::Objects { end, objects }),
            (any::<String>(), id.clone()).prop_map(|(name, tree)| Record::Entry { name, tree }),
            prop::collection::vec(known, 0..3).prop_map(Record::Known),
            id.clone().prop_map(|checksum| Record::Sealed { checksum }),
            prop::collection::vec(id.clone(), 0..4).prop_map(Record::Relied),
            (any::<String>(), id).prop_map(|(name, id)| Record::Ref { name, id }),
        ]
    }

    #[test]
    fn a_kind_of_a_later_release_is_known_to_be_one() {
        let mut bytes = Vec::new();
        Record::Sealed { checksum: object_id(ObjectFormat::Sha1, Kind::Blob, b"") }
            .write_to(&mut bytes);
        for (kind, expected) in [(200, true), (0, false)] {
            bytes[FRAME_LEN] = kind;
            let checksum = crc32fast::hash(&bytes[FRAME_LEN..]);
            bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
            let read = read_record(ObjectFormat::Sha1, &bytes);
            assert_eq!(read == Read::Whole(Record::Later, bytes.len()), expected, "{read:?}");
        }
    }

    proptest! {
        #[test]
        fn every_record_reads_back(record in any_record()) {
            let mut bytes = Vec::new();
            record.write_to(&mut bytes);
            prop_assert_eq!(
                read_record(ObjectFormat::Sha1, &bytes),
                Read::Whole(record, bytes.len())
            );
        }

        #[test]
        fn a_torn_record_is_never_whole(record in any_record(), cut in any::<prop::sample::Index>()) {
            let mut bytes = Vec::new();
            record.write_to(&mut bytes);
            let cut = cut.index(bytes.len());
            prop_assert_eq!(read_record(ObjectFormat::Sha1, &bytes[..cut]), Read::Torn);
        }

        #[test]
        fn a_flipped_bit_is_never_taken_for_a_record(record in any_record(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let mut bytes = Vec::new();
            record.write_to(&mut bytes);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(!matches!(read_record(ObjectFormat::Sha1, &bytes), Read::Whole(..)));
        }
    }
}
