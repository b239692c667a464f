//! From the bytes of a pack entry or loose object to content. No number that stands in damaged
//! bytes makes this take more memory than real content fills.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;

use flate2::{Decompress, FlushDecompress, Status};
use gix::odb::pack;

use super::objects::Kind;
use super::pack::{stored_content, stored_size};
use super::packs::ObjectProblem;
use crate::config::ObjectFormat;

/// Memory that is taken on the word of a header.
const TRUSTED: usize = 64 << 10;

thread_local! {
    static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(true));
    static GIX_INFLATE: RefCell<gix::zlib::Inflate> = RefCell::new(gix::zlib::Inflate::default());
}

pub(super) fn damaged(error: impl std::fmt::Display) -> ObjectProblem {
    ObjectProblem::Damaged(error.to_string())
}

/// Reads the `size` bytes of content that the zlib stream at the start of `stream` holds.
///
/// # Errors
/// [`ObjectProblem::Damaged`] if it is no such stream.
pub(super) fn inflate_whole(
    stream: &[u8],
    size: u64,
    out: &mut Vec<u8>,
) -> Result<(), ObjectProblem> {
    let size = usize::try_from(size).map_err(damaged)?;
    out.clear();
    if size <= TRUSTED || stored_size(stream) == Some(size) {
        out.resize(size, 0);
        if stored_content(stream, out) {
            return Ok(());
        }
        out.clear();
    }
    inflate_into(stream, size, out)?;
    if out.len() == size { Ok(()) } else { Err(damaged("its stream ends early")) }
}

/// Inflates the stream that `stream` begins with, of at most `most` bytes of content, into the
/// empty `out`; returns how many bytes the stream takes.
///
/// # Errors
/// [`ObjectProblem::Damaged`] if there is no such stream, or its checksum does not fit.
pub(super) fn inflate_counted(
    stream: &[u8],
    most: usize,
    out: &mut Vec<u8>,
) -> Result<usize, ObjectProblem> {
    inflate_into(stream, most, out)?;
    INFLATE.with_borrow(|inflate| usize::try_from(inflate.total_in()).map_err(damaged))
}

/// Inflates a whole stream of at most `most` bytes of content into the empty `out`.
fn inflate_into(stream: &[u8], most: usize, out: &mut Vec<u8>) -> Result<(), ObjectProblem> {
    INFLATE.with_borrow_mut(|inflate| {
        inflate.reset(true);
        loop {
            // One byte more than there may be, so that the end of the stream is reached.
            let room = (most - out.len()).min(out.len().max(TRUSTED)) + 1;
            out.reserve(room);
            let read = usize::try_from(inflate.total_in()).map_err(damaged)?;
            let before = (read, out.len());
            let status = inflate
                .decompress_vec(&stream[read..], out, FlushDecompress::None)
                .map_err(damaged)?;
            if out.len() > most {
                return Err(damaged("its stream is longer than it says"));
            }
            match status {
                Status::StreamEnd => return Ok(()),
                _ if (inflate.total_in(), out.len()) == (before.0 as u64, before.1) => {
                    return Err(damaged("its stream ends early"));
                }
                _ => {}
            }
        }
    })
}

/// Reads a loose object: a zlib stream of kind, size, a zero byte and the content.
///
/// # Errors
/// [`ObjectProblem::Damaged`] if the bytes are no loose object.
pub(crate) fn inflate_loose(bytes: &[u8], out: &mut Vec<u8>) -> Result<Kind, ObjectProblem> {
    out.clear();
    // Deflate makes at most 1,032 bytes of one.
    inflate_into(bytes, bytes.len().saturating_mul(1032), out)?;
    let no_header = || damaged("it has no header");
    let end = memchr::memchr(0, &out[..out.len().min(32)]).ok_or_else(no_header)?;
    let header = std::str::from_utf8(&out[..end]).map_err(damaged)?;
    let (kind, size) = header.split_once(' ').ok_or_else(no_header)?;
    let kind = [Kind::Blob, Kind::Tree, Kind::Commit, Kind::Tag]
        .into_iter()
        .find(|known| known.name() == kind)
        .ok_or_else(no_header)?;
    if size.parse() != Ok(out.len() - end - 1) {
        return Err(damaged("its size is not what its header says"));
    }
    out.drain(..=end);
    Ok(kind)
}

/// Reads an object that is a delta; its base is in the same pack.
///
/// # Errors
/// [`ObjectProblem::Damaged`] if it cannot be put together.
pub(super) fn delta_in_pack(
    data: &pack::data::File,
    index: &pack::index::File,
    entry: pack::data::Entry,
    out: &mut Vec<u8>,
) -> Result<Kind, ObjectProblem> {
    let decode = || {
        GIX_INFLATE.with_borrow_mut(|inflate| {
            data.decode_entry(
                entry,
                out,
                inflate,
                &|base, _| {
                    let Some(at) = index.lookup(base) else { return Ok(None) };
                    let entry = data.entry(index.pack_offset_at_index(at))?;
                    Ok(Some(pack::data::decode::entry::ResolvedBase::InPack(entry)))
                },
                &mut pack::cache::Never,
            )
            .map_err(damaged)
        })
    };
    // Third-party code over bytes that may be anything: a bug in it is a miss, not our end.
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(damaged("its delta makes no sense")))?;
    Ok(Kind::from_gix(outcome.kind))
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
        _ => return Err(damaged("a delta in a journal")),
    };
    let start = usize::try_from(entry.data_offset).map_err(damaged)?;
    let stream = bytes.get(start..).ok_or_else(|| damaged("it ends in its head"))?;
    inflate_whole(stream, entry.decompressed_size, out)?;
    Ok(kind)
}

#[cfg(test)]
mod tests {
    use super::super::pack::{Compression, PackedObject};
    use super::*;
    use crate::git::object_id;

    fn entry(content: &[u8], how: Compression) -> Vec<u8> {
        let id = object_id(ObjectFormat::Sha1, Kind::Blob, content);
        PackedObject::new(id, Kind::Blob, content, how).pieces().concat()
    }

    #[test]
    fn content_comes_back_however_it_was_written() {
        for size in [0, 1, 4_095, 65_536, 65_537, 200_000, 1_000_000] {
            let content: Vec<u8> = (0..size).map(|at: usize| (at / 7).to_le_bytes()[0]).collect();
            for how in [Compression::Stored, Compression::Deflate(1), Compression::Deflate(9)] {
                let mut out = vec![1, 2, 3];
                let kind = inflate_entry(ObjectFormat::Sha1, &entry(&content, how), &mut out);
                assert_eq!(kind, Ok(Kind::Blob), "{size}, {how:?}");
                assert!(out == content, "{size}, {how:?}");
            }
        }
    }

    #[test]
    fn damaged_entries_take_no_more_memory_than_they_have_content() {
        let content = vec![7; 300_000];
        for how in [Compression::Stored, Compression::Deflate(1)] {
            let good = entry(&content, how);
            for at in (0..good.len()).step_by(1 + good.len() / 500) {
                for bit in [0x01, 0x40, 0x80] {
                    let mut bad = good.clone();
                    bad[at] ^= bit;
                    let mut out = Vec::new();
                    drop(inflate_entry(ObjectFormat::Sha1, &bad, &mut out));
                    assert!(out.capacity() < 4_000_000, "byte {at}: {}", out.capacity());
                }
            }
        }
    }

    #[test]
    fn a_header_that_lies_about_the_size_is_refused() {
        let mut lie = vec![0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        lie.extend_from_slice(&entry(&[7; 9000], Compression::Deflate(1))[2..]);
        let mut out = Vec::new();
        assert!(inflate_entry(ObjectFormat::Sha1, &lie, &mut out).is_err());
        assert!(out.capacity() < 1_000_000);
    }
}
