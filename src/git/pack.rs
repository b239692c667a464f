//! Pack entries, and the index that makes them a pack (git's `gitformat-pack`).

use std::io::Write as _;

use flate2::write::DeflateEncoder;
use gix::ObjectId;

use super::objects::{Hasher, Kind};
use crate::config::ObjectFormat;

/// The bytes before the first entry of a pack: `PACK`, the version, the number of objects.
pub(crate) const PACK_HEADER_LEN: usize = 12;

/// Returns the header of a pack of `count` objects.
pub(crate) fn pack_header(count: u32) -> [u8; PACK_HEADER_LEN] {
    let mut header = *b"PACK\0\0\0\x02\0\0\0\0";
    header[8..].copy_from_slice(&count.to_be_bytes());
    header
}

/// How the content of an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// As it is, in deflate "stored" blocks.
    Stored,
    /// Compressed at this level of zlib.
    Deflate(u32),
}

/// The longest stored block of deflate (RFC 1951, section 3.2.4).
const BLOCK: usize = 65_535;
/// zlib's header for 32 KiB windows and no particular level (RFC 1950, section 2.2).
const ZLIB_HEADER: [u8; 2] = [0x78, 0x01];

/// One object as a pack entry. Stored content is not copied: only what frames it is made.
pub(crate) struct PackedObject<'a> {
    /// The object's id.
    pub(crate) id: ObjectId,
    /// The checksum of the whole entry, as the pack index wants it.
    pub(crate) crc32: u32,
    /// The entry's bytes.
    pub(crate) len: u64,
    body: Body<'a>,
}

enum Body<'a> {
    /// The content between frames: the first holds the entry's head, the last the checksum.
    Stored {
        content: &'a [u8],
        head: Vec<u8>,
        frames: Vec<[u8; 5]>,
        tail: [u8; 4],
    },
    Made(Vec<u8>),
}

impl<'a> PackedObject<'a> {
    /// Returns `content` as an entry. Content that deflate does not shrink is stored.
    pub(crate) fn new(id: ObjectId, kind: Kind, content: &'a [u8], how: Compression) -> Self {
        if let Compression::Deflate(level) = how
            && let Some(made) = deflated(kind, content, level)
        {
            let crc32 = crc32fast::hash(&made);
            return PackedObject { id, crc32, len: made.len() as u64, body: Body::Made(made) };
        }
        let mut head = entry_head(kind, content.len());
        head.extend_from_slice(&ZLIB_HEADER);
        let tail = simd_adler32::adler32(&content).to_be_bytes();
        if content.len() <= 4096 {
            // Small content is copied: one piece is cheaper to write than four.
            let mut made = head;
            made.extend_from_slice(&block_head(content.len(), true));
            made.extend_from_slice(content);
            made.extend_from_slice(&tail);
            let crc32 = crc32fast::hash(&made);
            return PackedObject { id, crc32, len: made.len() as u64, body: Body::Made(made) };
        }
        let count = content.len().div_ceil(BLOCK);
        let frames = (0..count)
            .map(|number| {
                let len = (content.len() - number * BLOCK).min(BLOCK);
                block_head(len, number + 1 == count)
            })
            .collect();
        let body = Body::Stored { content, head, frames, tail };
        let mut object = PackedObject { id, crc32: 0, len: 0, body };
        let mut crc32 = crc32fast::Hasher::new();
        for piece in object.pieces() {
            crc32.update(piece);
        }
        object.crc32 = crc32.finalize();
        object.len = object.pieces().iter().map(|piece| piece.len() as u64).sum();
        object
    }

    /// Returns the entry's bytes, in pieces.
    pub(crate) fn pieces(&self) -> Vec<&[u8]> {
        match &self.body {
            Body::Made(bytes) => vec![bytes],
            Body::Stored { content, head, frames, tail } => {
                let mut pieces: Vec<&[u8]> = Vec::with_capacity(2 * frames.len() + 2);
                pieces.push(head);
                for (frame, block) in frames.iter().zip(content.chunks(BLOCK)) {
                    pieces.push(frame);
                    pieces.push(block);
                }
                pieces.push(tail);
                pieces
            }
        }
    }
}

fn block_head(len: usize, last: bool) -> [u8; 5] {
    let len = u16::try_from(len).expect("a block has at most 65,535 bytes");
    let [low, high] = len.to_le_bytes();
    let [not_low, not_high] = (!len).to_le_bytes();
    [u8::from(last), low, high, not_low, not_high]
}

/// The type and size of an entry: 4 bits of the size, then 7 a byte, low bits first.
fn entry_head(kind: Kind, size: usize) -> Vec<u8> {
    let mut head = Vec::with_capacity(16);
    let mut rest = size >> 4;
    let mut byte = (kind.pack_type() << 4) | low_bits(size, 15);
    while rest > 0 {
        head.push(byte | 0x80);
        byte = low_bits(rest, 0x7f);
        rest >>= 7;
    }
    head.push(byte);
    head
}

fn low_bits(number: usize, mask: u8) -> u8 {
    number.to_le_bytes()[0] & mask
}

fn deflated(kind: Kind, content: &[u8], level: u32) -> Option<Vec<u8>> {
    let mut out = entry_head(kind, content.len());
    let head_len = out.len();
    out.extend_from_slice(&ZLIB_HEADER);
    let mut encoder = DeflateEncoder::new(out, flate2::Compression::new(level));
    encoder.write_all(content).ok()?;
    let mut out = encoder.finish().ok()?;
    out.extend_from_slice(&simd_adler32::adler32(&content).to_be_bytes());
    (out.len() - head_len < content.len()).then_some(out)
}

/// Copies stored content out of the zlib stream `stream` into `out`.
///
/// Returns `false` if the stream is not wholly stored blocks of just that length: then it is
/// compressed, or damaged. The checksum at its end is left to the caller's BLAKE3.
pub(crate) fn stored_content(stream: &[u8], out: &mut [u8]) -> bool {
    let Some((header, mut rest)) = stream.split_at_checked(2) else { return false };
    let is_zlib = header[0] & 0x0f == 8
        && header[1] & 0x20 == 0
        && (u16::from(header[0]) * 256 + u16::from(header[1])).is_multiple_of(31);
    if !is_zlib {
        return false;
    }
    let mut filled = 0;
    loop {
        let Some((head, after)) = rest.split_at_checked(5) else { return false };
        let len = u16::from_le_bytes([head[1], head[2]]);
        if head[0] & 0b110 != 0 || len != !u16::from_le_bytes([head[3], head[4]]) {
            return false;
        }
        let len = usize::from(len);
        let (Some(block), Some(target)) = (after.get(..len), out.get_mut(filled..filled + len))
        else {
            return false;
        };
        target.copy_from_slice(block);
        filled += len;
        rest = &after[len..];
        if head[0] & 1 == 1 {
            return filled == out.len() && rest.len() >= 4;
        }
    }
}

/// Returns how much content the zlib stream `stream` holds, if it is wholly stored blocks.
pub(super) fn stored_size(stream: &[u8]) -> Option<usize> {
    let mut rest = stream.get(ZLIB_HEADER.len()..)?;
    let mut size = 0;
    loop {
        let (head, after) = rest.split_at_checked(5)?;
        let len = u16::from_le_bytes([head[1], head[2]]);
        if head[0] & 0b110 != 0 || len != !u16::from_le_bytes([head[3], head[4]]) {
            return None;
        }
        rest = after.get(usize::from(len)..)?;
        size += usize::from(len);
        if head[0] & 1 == 1 {
            return Some(size);
        }
    }
}

/// Where an object's entry is in its pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryAt {
    pub(crate) id: ObjectId,
    pub(crate) offset: u64,
    pub(crate) crc32: u32,
}

/// Returns the index (version 2) of a pack with these entries and that trailing checksum.
pub(crate) fn seal(format: ObjectFormat, entries: &mut [EntryAt], checksum: &ObjectId) -> Vec<u8> {
    entries.sort_unstable_by(|a, b| a.id.cmp(&b.id).then(a.offset.cmp(&b.offset)));
    let id_len = format.id_len();
    let mut out = Vec::with_capacity(8 + 1024 + entries.len() * (id_len + 8) + 2 * id_len);
    out.extend_from_slice(b"\xfftOc\0\0\0\x02");
    let mut fanout = [0_u32; 256];
    for entry in entries.iter() {
        fanout[usize::from(entry.id.as_bytes()[0])] += 1;
    }
    let mut total = 0_u32;
    for count in fanout {
        total += count;
        out.extend_from_slice(&total.to_be_bytes());
    }
    for entry in entries.iter() {
        out.extend_from_slice(entry.id.as_bytes());
    }
    for entry in entries.iter() {
        out.extend_from_slice(&entry.crc32.to_be_bytes());
    }
    let mut large = Vec::new();
    for entry in entries.iter() {
        // Offsets from 2 GiB on stand in a second table; the top bit says so.
        let short = u32::try_from(entry.offset).ok().filter(|offset| offset >> 31 == 0);
        let word = short.unwrap_or_else(|| {
            large.push(entry.offset);
            0x8000_0000 | u32::try_from(large.len() - 1).expect("fewer entries than 2^31")
        });
        out.extend_from_slice(&word.to_be_bytes());
    }
    for offset in large {
        out.extend_from_slice(&offset.to_be_bytes());
    }
    out.extend_from_slice(checksum.as_bytes());
    let mut hasher = Hasher::new(format);
    hasher.update(&out);
    out.extend_from_slice(hasher.finish().as_bytes());
    out
}

/// Computes the trailing checksum of a pack, piece by piece.
pub(crate) struct PackChecksum(Hasher);

impl PackChecksum {
    pub(crate) fn new(format: ObjectFormat) -> PackChecksum {
        PackChecksum(Hasher::new(format))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> ObjectId {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::git::object_id;

    fn entry_bytes(content: &[u8], how: Compression) -> Vec<u8> {
        let id = object_id(ObjectFormat::Sha1, Kind::Blob, content);
        let object = PackedObject::new(id, Kind::Blob, content, how);
        let bytes = object.pieces().concat();
        assert_eq!(bytes.len() as u64, object.len);
        assert_eq!(crc32fast::hash(&bytes), object.crc32);
        bytes
    }

    #[test]
    fn what_does_not_shrink_is_stored() {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        let noise: Vec<u8> = (0..9000).map(|_| next()).collect();
        assert_eq!(
            entry_bytes(&noise, Compression::Deflate(1)).len(),
            entry_bytes(&noise, Compression::Stored).len()
        );
        assert!(entry_bytes(&[7; 9000], Compression::Deflate(1)).len() < 200);
    }

    proptest! {
        #[test]
        fn stored_content_comes_back(size in prop_oneof![0..200_usize, 65_530..65_540_usize, 131_060..131_080_usize]) {
            let content: Vec<u8> = (0..size).map(|i| i.to_le_bytes()[0]).collect();
            let bytes = entry_bytes(&content, Compression::Stored);
            let head = entry_head(Kind::Blob, size).len();
            let mut out = vec![0; size];
            prop_assert!(stored_content(&bytes[head..], &mut out));
            prop_assert_eq!(out, content);
        }

        #[test]
        fn torn_or_compressed_streams_are_not_taken_for_stored(cut in 0..4000_usize) {
            let content = vec![1_u8; 4000];
            let stored = entry_bytes(&content, Compression::Stored);
            let mut out = vec![0; 4000];
            prop_assert!(!stored_content(&stored[2..2 + cut], &mut out));
            let packed = entry_bytes(&content, Compression::Deflate(6));
            prop_assert!(!stored_content(&packed[2..], &mut out));
        }
    }
}
