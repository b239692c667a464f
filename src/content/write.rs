//! Splits a part into objects, and skips what is already stored.

use std::io::Read;
use std::sync::Mutex;

use rayon::prelude::*;

use super::chunker::ChunkSizes;
use super::codec::choose_compression;
use crate::digest::{Digest, Digester};
use crate::disk;
use crate::error::{Error, Result};
use crate::git::{
    Kind, ObjectFormat, ObjectId, PackedObject, TreeEntry, TreeMode, object_id, tree_bytes,
};
use crate::journal::Known;

/// Where new objects go, and what is there already.
pub(crate) trait ObjectSink: Sync {
    /// Returns how the repository names objects.
    fn format(&self) -> ObjectFormat;
    /// Returns the object that holds just these bytes, if the store knows one.
    fn known(&self, digest: &Digest) -> Option<Known>;
    /// Whether the object is stored.
    fn contains(&self, id: &ObjectId) -> bool;
    /// Whether the tree of a chunked part is stored, and every chunk that it names.
    fn contains_chunks(&self, tree: &ObjectId) -> bool;
    /// Stores objects, and remembers contents.
    fn append(&self, objects: &[PackedObject<'_>], known: &[Known]) -> Result<()>;
}

/// A part as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredPart {
    /// The blob, or the tree of chunks.
    pub(crate) id: ObjectId,
    pub(crate) size: u64,
    pub(crate) digest: Digest,
    pub(crate) chunks: Option<u32>,
}

/// How much of a stream is in memory at a time: enough chunks to keep all cores busy.
const WINDOW: usize = 32 << 20;
/// From this size on a part's digest is remembered, so that the same bytes are found again without
/// computing their git id.
const REMEMBER_FROM: usize = 64 << 10;

/// A small part on its way into the store: its blob, unless the store has it.
pub(crate) struct PreparedBlob<'a> {
    pub(crate) object: Option<PackedObject<'a>>,
    pub(crate) known: Option<Known>,
}

/// Makes ready bytes that fit one blob, so that a whole entry is appended at once; says what the
/// part will be.
pub(crate) fn prepare_blob<'a>(
    sink: &dyn ObjectSink,
    bytes: &'a [u8],
) -> (StoredPart, PreparedBlob<'a>) {
    let digest = Digest::of(bytes);
    let size = bytes.len() as u64;
    let remember = bytes.len() >= REMEMBER_FROM;
    if remember && let Some(part) = find_whole(sink, digest, size) {
        return (part, PreparedBlob { object: None, known: None });
    }
    let id = object_id(sink.format(), Kind::Blob, bytes);
    let object = (!sink.contains(&id))
        .then(|| PackedObject::new(id, Kind::Blob, bytes, choose_compression(bytes)));
    let known = remember.then_some(Known { digest, id, chunks: 0 });
    (StoredPart { id, size, digest, chunks: None }, PreparedBlob { object, known })
}

/// Stores bytes that are in memory.
///
/// # Errors
/// What the sink answers.
pub(crate) fn store_bytes(
    sink: &dyn ObjectSink,
    bytes: &[u8],
    threshold: u64,
) -> Result<StoredPart> {
    if bytes.len() as u64 > threshold {
        let digest = Digest::of(bytes);
        if let Some(part) = find_whole(sink, digest, bytes.len() as u64) {
            return Ok(part);
        }
        let mut chunks = Chunks::default();
        chunks.store(sink, bytes, true)?;
        return chunks.finish(sink, digest);
    }
    let (part, blob) = prepare_blob(sink, bytes);
    sink.append(blob.object.as_slice(), blob.known.as_slice())?;
    Ok(part)
}

/// Returns the part with that digest, if the store has it.
pub(crate) fn find_whole(sink: &dyn ObjectSink, digest: Digest, size: u64) -> Option<StoredPart> {
    let known = sink.known(&digest).filter(|known| match known.chunks {
        0 => sink.contains(&known.id),
        // A tree may outlast its chunks, where a collection was interrupted.
        _ => sink.contains_chunks(&known.id),
    })?;
    let chunks = (known.chunks > 0).then_some(known.chunks);
    Some(StoredPart { id: known.id, size, digest, chunks })
}

/// Stores all that `reader` gives, in bounded memory: about 40 MiB.
///
/// # Errors
/// [`Error::ReadSource`] if the reader fails, and what the sink answers.
pub(crate) fn store_reader(
    sink: &dyn ObjectSink,
    reader: &mut dyn Read,
    threshold: u64,
    part: &str,
) -> Result<StoredPart> {
    let failed = |source| Error::ReadSource { part: part.to_owned(), source };
    let small = usize::try_from(threshold).unwrap_or(WINDOW).min(WINDOW);
    // One byte more than fits one blob tells which it is. Small parts take no large buffer.
    let mut window = Vec::new();
    reader.take(small as u64 + 1).read_to_end(&mut window).map_err(failed)?;
    if window.len() <= small {
        return store_bytes(sink, &window, threshold);
    }
    let mut filled = window.len();
    window.resize(WINDOW + ChunkSizes::STORE.max, 0);
    let mut whole = Digester::default();
    let mut hashed = 0;
    let mut chunks = Chunks::default();
    loop {
        let count = disk::read_full(reader, &mut window[filled..]).map_err(failed)?;
        let is_end = filled + count < window.len();
        filled += count;
        whole.update(&window[hashed..filled]);
        let done = chunks.store(sink, &window[..filled], is_end)?;
        if is_end {
            return chunks.finish(sink, whole.finish());
        }
        window.copy_within(done..filled, 0);
        filled -= done;
        hashed = filled;
    }
}

/// The chunks of a part so far.
#[derive(Default)]
struct Chunks {
    names: Vec<(String, ObjectId)>,
    size: u64,
}

impl Chunks {
    /// Stores the chunks of `bytes`, on all cores; returns how many bytes that were. Unless
    /// `is_end`, the last chunk is left to the next call.
    fn store(&mut self, sink: &dyn ObjectSink, bytes: &[u8], is_end: bool) -> Result<usize> {
        let stored = Mutex::new(Vec::new());
        let failure = Mutex::new(None);
        let mut done = 0;
        let (stored_ref, failure_ref) = (&stored, &failure);
        // Chunks are hashed while the next boundary is still being looked for.
        rayon::in_place_scope(|scope| {
            for (start, length) in ChunkSizes::STORE.cut(bytes, is_end) {
                done = start + length;
                let chunk = &bytes[start..done];
                scope.spawn(move |_| match store_chunk(sink, chunk) {
                    Ok((digest, id)) => {
                        let mut stored = stored_ref.lock().expect("no holder panics");
                        stored.push((start, digest, id));
                    }
                    Err(error) => {
                        failure_ref.lock().expect("no holder panics").get_or_insert(error);
                    }
                });
            }
        });
        if let Some(error) = failure.into_inner().expect("no holder panics") {
            return Err(error);
        }
        let mut stored = stored.into_inner().expect("no holder panics");
        stored.par_sort_unstable_by_key(|(start, _, _)| *start);
        for (start, digest, id) in stored {
            self.names.push((chunk_name(self.size + start as u64, &digest), id));
        }
        self.size += done as u64;
        Ok(done)
    }

    /// Stores the tree of the chunks.
    fn finish(self, sink: &dyn ObjectSink, digest: Digest) -> Result<StoredPart> {
        let mut entries: Vec<TreeEntry<'_>> = self
            .names
            .iter()
            .map(|(name, id)| TreeEntry { mode: TreeMode::File, name, id: *id })
            .collect();
        let bytes = tree_bytes(&mut entries);
        let id = object_id(sink.format(), Kind::Tree, &bytes);
        let count = u32::try_from(self.names.len()).expect("a part has fewer than 2^32 chunks");
        let known = Known { digest, id, chunks: count };
        let object = PackedObject::new(id, Kind::Tree, &bytes, crate::git::Compression::Stored);
        if sink.contains(&id) {
            sink.append(&[], &[known])?;
        } else {
            sink.append(&[object], &[known])?;
        }
        Ok(StoredPart { id, size: self.size, digest, chunks: Some(count) })
    }
}

fn store_chunk(sink: &dyn ObjectSink, chunk: &[u8]) -> Result<(Digest, ObjectId)> {
    let digest = Digest::of_here(chunk);
    if let Some(known) = sink.known(&digest).filter(|known| known.chunks == 0)
        && sink.contains(&known.id)
    {
        return Ok((digest, known.id));
    }
    let id = object_id(sink.format(), Kind::Blob, chunk);
    let known = Known { digest, id, chunks: 0 };
    if sink.contains(&id) {
        sink.append(&[], &[known])?;
    } else {
        let object = PackedObject::new(id, Kind::Blob, chunk, choose_compression(chunk));
        sink.append(&[object], &[known])?;
    }
    Ok((digest, id))
}

/// The name of a chunk in its tree: where it starts, and half of its digest, in hex.
fn chunk_name(offset: u64, digest: &Digest) -> String {
    format!("{offset:016x}-{}", digest.short(super::read::CHUNK_DIGITS))
}
