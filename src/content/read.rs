//! Joins a part again and checks it: damage is a miss with a reason.

use std::ops::Range;

use rayon::prelude::*;

use crate::digest::Digest;
use crate::entry::Part;
use crate::git::{
    Kind, ObjectFormat, ObjectId, ObjectProblem, TreeMode, copy_blob, object_id, tree_entries,
};
use crate::lookup::Miss;

/// The hex digits of a chunk's digest in its name.
pub(super) const CHUNK_DIGITS: usize = 32;

/// Where objects are read from.
pub(crate) trait ObjectSource: Sync {
    /// Returns how the repository names objects.
    fn format(&self) -> ObjectFormat;
    /// Reads an object into `out`, which then holds its content and nothing else.
    fn read(&self, id: &ObjectId, out: &mut Vec<u8>) -> Result<Kind, ObjectProblem>;
    /// Reads the first copy that has just the content of its id, for when the one that was read
    /// has not.
    fn read_intact(&self, id: &ObjectId, out: &mut Vec<u8>) -> Result<Kind, ObjectProblem>;
    /// Remembers that what the object stands for cannot be read: it must be stored again when the
    /// same bytes are put.
    fn note_damage(&self, id: &ObjectId);
    /// Reads a blob of just `out.len()` bytes into `out`.
    fn read_blob_into(&self, id: &ObjectId, out: &mut [u8]) -> Result<(), ObjectProblem>;
}

/// Reads an object whose content has no digest of its own, and checks it against its id.
///
/// # Errors
/// [`ObjectProblem`] if it is missing, or not what was stored.
pub(crate) fn read_checked(
    source: &dyn ObjectSource,
    id: &ObjectId,
    expected: Kind,
    out: &mut Vec<u8>,
) -> Result<(), ObjectProblem> {
    let is_intact = source
        .read(id, out)
        .is_ok_and(|kind| kind == expected && object_id(source.format(), kind, out) == *id);
    if is_intact || source.read_intact(id, out)? == expected {
        return Ok(());
    }
    Err(ObjectProblem::Damaged(format!("the {} {id} is not what was stored", expected.name())))
}

/// One chunk of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) id: ObjectId,
    pub(crate) bytes: Range<u64>,
    digest: String,
}

/// Names a part in a miss: `<entry>:<part>`.
fn subject(entry: &str, part: &Part) -> String {
    format!("{entry}:{}", part.path)
}

fn miss(entry: &str, part: &Part, object: &ObjectId, problem: ObjectProblem) -> Miss {
    let name = subject(entry, part);
    match problem {
        ObjectProblem::Missing => Miss::Absent {
            name,
            what: if part.chunks.is_some() { "a chunk of it" } else { "its bytes" }.into(),
            object: object.to_string(),
        },
        ObjectProblem::Damaged(reason) => Miss::Damaged { name, reason },
    }
}

fn damaged(entry: &str, part: &Part, reason: &str) -> Miss {
    Miss::Damaged { name: subject(entry, part), reason: reason.to_owned() }
}

/// Returns the bytes of a part, checked against its digest.
///
/// # Errors
/// A [`Miss`] if they are not all there, or not what was stored.
pub(crate) fn part_bytes(
    source: &dyn ObjectSource,
    entry: &str,
    part: &Part,
    id: &ObjectId,
) -> Result<Vec<u8>, Miss> {
    if part.chunks.is_none() {
        let mut bytes = Vec::new();
        let is_good = source.read(id, &mut bytes).is_ok_and(|kind| kind == Kind::Blob);
        if !is_good || check(entry, part, &bytes).is_err() {
            read_again(source, entry, part, id, &mut bytes)?;
        }
        return Ok(bytes);
    }
    let chunks = part_chunks(source, entry, part, id)?;
    // The chunks are known to have this size in all: no number in a damaged file can ask for more.
    let size = usize::try_from(part.size)
        .map_err(|_| damaged(entry, part, "it is larger than this machine's memory"))?;
    let mut bytes = vec![0; size];
    read_chunks(source, entry, part, (id, &chunks), &mut bytes)?;
    Ok(bytes)
}

/// Reads the bytes of a part into `out`, which has just its size.
///
/// # Errors
/// A [`Miss`] if they are not all there, or not what was stored; `out` then holds anything.
pub(crate) fn part_into(
    source: &dyn ObjectSource,
    entry: &str,
    part: &Part,
    id: &ObjectId,
    out: &mut [u8],
) -> Result<(), Miss> {
    if part.chunks.is_none() {
        if source.read_blob_into(id, out).is_err() || check(entry, part, out).is_err() {
            let mut bytes = Vec::new();
            read_again(source, entry, part, id, &mut bytes)?;
            out.copy_from_slice(&bytes);
        }
        return Ok(());
    }
    let chunks = part_chunks(source, entry, part, id)?;
    read_chunks(source, entry, part, (id, &chunks), out)
}

/// Returns the bytes `range` of a part, cut at its end; only the chunks in it are read.
///
/// # Errors
/// A [`Miss`] if those bytes are not all there, or not what was stored.
pub(crate) fn part_range(
    source: &dyn ObjectSource,
    entry: &str,
    part: &Part,
    id: &ObjectId,
    range: Range<u64>,
) -> Result<Vec<u8>, Miss> {
    let range = range.start.min(part.size)..range.end.min(part.size);
    let slice = |bytes: &[u8], from: u64| {
        let at = |position: u64| usize::try_from(position - from).unwrap_or(usize::MAX);
        bytes.get(at(range.start)..at(range.end.max(range.start))).map(<[u8]>::to_vec)
    };
    let out_of_bounds = || damaged(entry, part, "its size is not what the manifest says");
    if part.chunks.is_none() {
        let bytes = part_bytes(source, entry, part, id)?;
        return slice(&bytes, 0).ok_or_else(out_of_bounds);
    }
    let mut chunks = part_chunks(source, entry, part, id)?;
    chunks.retain(|chunk| chunk.bytes.start < range.end && range.start < chunk.bytes.end);
    let Some((first, last)) = chunks.first().zip(chunks.last()) else { return Ok(Vec::new()) };
    let start = first.bytes.start;
    let size = usize::try_from(last.bytes.end - start).map_err(|_| out_of_bounds())?;
    let mut bytes = vec![0; size];
    read_chunks(source, entry, part, (id, &chunks), &mut bytes)?;
    slice(&bytes, start).ok_or_else(out_of_bounds)
}

/// Returns the chunks of a chunked part, in order: they cover its bytes without gap.
///
/// # Errors
/// A [`Miss`] if their tree is not there, or not that of this part.
pub(crate) fn part_chunks(
    source: &dyn ObjectSource,
    entry: &str,
    part: &Part,
    id: &ObjectId,
) -> Result<Vec<Chunk>, Miss> {
    let mut bytes = Vec::new();
    read_checked(source, id, Kind::Tree, &mut bytes)
        .map_err(|problem| miss(entry, part, id, problem))?;
    let wrong = || damaged(entry, part, "its tree of chunks is not the one that was stored");
    let names = tree_entries(source.format(), &bytes).ok_or_else(wrong)?;
    let mut chunks = Vec::with_capacity(names.len());
    for name in &names {
        let (offset, digest) = name.name.split_once('-').ok_or_else(wrong)?;
        let start = u64::from_str_radix(offset, 16).map_err(|_| wrong())?;
        if name.mode != TreeMode::File || offset.len() != 16 || digest.len() != CHUNK_DIGITS {
            return Err(wrong());
        }
        chunks.push(Chunk { id: name.id, bytes: start..part.size, digest: digest.to_owned() });
    }
    for at in 1..chunks.len() {
        chunks[at - 1].bytes.end = chunks[at].bytes.start;
    }
    let in_order = chunks.iter().all(|chunk| chunk.bytes.start < chunk.bytes.end);
    let starts_at_zero = chunks.first().is_some_and(|chunk| chunk.bytes.start == 0);
    let counted = part.chunks.is_some_and(|count| count as usize == chunks.len());
    if in_order && starts_at_zero && counted { Ok(chunks) } else { Err(wrong()) }
}

/// Reads neighbouring chunks on all cores, each checked by its own digest.
fn read_chunks(
    source: &dyn ObjectSource,
    entry: &str,
    part: &Part,
    (tree, chunks): (&ObjectId, &[Chunk]),
    mut out: &mut [u8],
) -> Result<(), Miss> {
    let mut targets = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        let size = usize::try_from(chunk.bytes.end - chunk.bytes.start).unwrap_or(usize::MAX);
        let (target, rest) = out
            .split_at_mut_checked(size)
            .ok_or_else(|| damaged(entry, part, "its chunks are larger than it is"))?;
        targets.push((chunk, target));
        out = rest;
    }
    let read = |(chunk, target): (&Chunk, &mut [u8])| {
        let is_good = |bytes: &[u8]| Digest::of_here(bytes).short(CHUNK_DIGITS) == chunk.digest;
        if source.read_blob_into(&chunk.id, target).is_ok() && is_good(target) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let kind = source
            .read_intact(&chunk.id, &mut bytes)
            .map_err(|problem| miss(entry, part, &chunk.id, problem))?;
        if copy_blob(kind, &bytes, target).is_ok() && is_good(target) {
            return Ok(());
        }
        let at = format!("the chunk at byte {} is not what was stored", chunk.bytes.start);
        Err(damaged(entry, part, &at))
    };
    targets.into_par_iter().try_for_each(read).inspect_err(|miss| {
        // The tree would pass for the whole part. What is not here may be on a remote.
        if !matches!(miss, Miss::Absent { .. }) {
            source.note_damage(tree);
        }
    })
}

/// Reads a part of one blob whose first copy was not what was stored.
fn read_again(
    source: &dyn ObjectSource,
    entry: &str,
    part: &Part,
    id: &ObjectId,
    bytes: &mut Vec<u8>,
) -> Result<(), Miss> {
    let kind = source.read_intact(id, bytes).map_err(|problem| miss(entry, part, id, problem))?;
    if kind != Kind::Blob {
        return Err(damaged(entry, part, "its object is no blob"));
    }
    check(entry, part, bytes)
}

fn check(entry: &str, part: &Part, bytes: &[u8]) -> Result<(), Miss> {
    if bytes.len() as u64 != part.size || Digest::of(bytes) != part.digest {
        return Err(damaged(entry, part, "its bytes are not what was stored"));
    }
    Ok(())
}
