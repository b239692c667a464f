//! Objects out of the packs of a static remote: only the bytes that are needed, and each object
//! checked against its id.

use std::collections::HashMap;

use super::listing::pack_path;
use super::packs::RemotePacks;
use super::storage::{Span, Storage};
use crate::error::{Error, Result};
use crate::git::{EntryAt, Kind, ObjectFormat, ObjectId, inflate_entry, is_delta, object_id};

/// Where neighbours are no farther apart than this, one request for both costs less than two.
const GAP: u64 = 64 << 10;
/// The most that one request asks for.
const LARGEST_SPAN: u64 = 16 << 20;
/// What is read beyond an object that others will follow: commits, trees and manifests stand
/// together at the head of a pack.
const AHEAD: u64 = 256 << 10;
/// How many bytes of packs are kept for the objects that follow.
const KEPT: usize = 64 << 20;

/// What is said of an object that was asked for.
pub(super) enum Read {
    /// The content, and the raw entry of the pack.
    Object { kind: Kind, content: Vec<u8>, entry: Vec<u8> },
    /// It is a delta, in the pack of that number.
    Delta(usize),
}

/// Reads from the packs of a remote.
pub(super) struct Reader<'a> {
    storage: &'a Storage,
    packs: &'a RemotePacks,
    format: ObjectFormat,
    /// Pieces of packs, each with where it begins.
    kept: HashMap<usize, Vec<(u64, Vec<u8>)>>,
    kept_bytes: usize,
    /// Where the packs end, as far as that is known.
    ends: HashMap<usize, u64>,
    hint: usize,
}

/// Whether others are likely to be asked for that stand after the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Followed {
    Yes,
    No,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        storage: &'a Storage,
        packs: &'a RemotePacks,
        format: ObjectFormat,
    ) -> Reader<'a> {
        let (kept, ends) = (HashMap::new(), HashMap::new());
        Reader { storage, packs, format, kept, kept_bytes: 0, ends, hint: 0 }
    }

    /// Whether the remote has the object.
    pub(super) fn has(&self, id: &ObjectId) -> bool {
        self.packs.contains(id)
    }

    /// Reads objects and gives each to `take`, pack by pack in their order there.
    ///
    /// # Errors
    /// [`Error::StaticLacks`], [`Error::StaticDamaged`], [`Error::StaticRemote`], and those of
    /// `take`.
    pub(super) fn read(
        &mut self,
        ids: &[ObjectId],
        followed: Followed,
        mut take: impl FnMut(ObjectId, Read) -> Result<()>,
    ) -> Result<()> {
        let mut places = Vec::with_capacity(ids.len());
        for id in ids {
            let Some((pack, rank)) = self.packs.find(id, self.hint) else {
                return Err(self.lacks(id));
            };
            self.hint = pack;
            places.push((pack, rank));
        }
        places.sort_unstable();
        places.dedup();
        let mut rest = places.as_slice();
        while !rest.is_empty() {
            if self.kept_bytes > KEPT {
                self.kept.clear();
                self.kept_bytes = 0;
            }
            let (spans, count) = self.plan(rest, followed);
            let numbered: Vec<usize> = spans.iter().map(|(pack, _)| *pack).collect();
            let asked: Vec<Span> = spans.into_iter().map(|(_, span)| span).collect();
            let found = self.storage.get_spans(&asked)?;
            for ((pack, span), bytes) in numbered.into_iter().zip(asked).zip(found) {
                let bytes = bytes.ok_or_else(|| self.damaged(pack, "it is not there"))?;
                let end = span.start + bytes.len() as u64;
                if end < span.end {
                    self.ends.insert(pack, end);
                }
                self.kept_bytes += bytes.len();
                self.kept.entry(pack).or_default().push((span.start, bytes));
            }
            for &(pack, rank) in &rest[..count] {
                let entry = self.entry(pack, rank)?;
                let EntryAt { id, crc32, .. } = self.packs.all[pack].index.entry(rank);
                let read = if is_delta(&entry) {
                    Read::Delta(pack)
                } else {
                    let mut content = Vec::new();
                    let kind = inflate_entry(self.format, &entry, &mut content)
                        .ok()
                        // The entry is kept as it is: its own checksum must be right, too.
                        .filter(|_| crc32fast::hash(&entry) == crc32)
                        .filter(|kind| object_id(self.format, *kind, &content) == id)
                        .ok_or_else(|| self.damaged(pack, &format!("object {id} is not whole")))?;
                    Read::Object { kind, content, entry }
                };
                take(id, read)?;
            }
            rest = &rest[count..];
        }
        Ok(())
    }

    /// Decides what to ask for, for the first of `places`: the spans, and for how many places they
    /// and what is kept suffice.
    fn plan(&self, places: &[(usize, usize)], followed: Followed) -> (Vec<(usize, Span)>, usize) {
        const AT_ONCE: usize = 8;
        let ahead = if followed == Followed::Yes { AHEAD } else { 0 };
        let mut spans: Vec<(usize, Span)> = Vec::new();
        for (number, &(pack, rank)) in places.iter().enumerate() {
            let index = &self.packs.all[pack].index;
            let start = index.entry(rank).offset;
            // Of the last entry only the pack's own end tells; most are smaller than this.
            let known = index.end(rank).or_else(|| self.ends.get(&pack).copied());
            let end = known.unwrap_or(start + GAP);
            if self.piece(pack, start, known.unwrap_or(start + 1)).is_some() {
                continue;
            }
            if let Some((last, span)) = spans.last_mut()
                && *last == pack
                && start <= span.end + GAP
                && end.max(span.end) - span.start <= LARGEST_SPAN
            {
                span.end = span.end.max(end + ahead);
                continue;
            }
            if spans.len() == AT_ONCE {
                return (spans, number);
            }
            let path = pack_path(&self.packs.all[pack].checksum, "pack");
            spans.push((pack, Span { path, start, end: end + ahead }));
        }
        (spans, places.len())
    }

    /// Returns the kept bytes from `start` on, if they reach to `end`.
    fn piece(&self, pack: usize, start: u64, end: u64) -> Option<&[u8]> {
        self.kept.get(&pack)?.iter().find_map(|(begin, bytes)| {
            let from = usize::try_from(start.checked_sub(*begin)?).ok()?;
            let to = usize::try_from(end.checked_sub(*begin)?).ok()?;
            bytes.get(from..).filter(|_| to <= bytes.len())
        })
    }

    /// Returns the raw entry at a place.
    fn entry(&mut self, pack: usize, rank: usize) -> Result<Vec<u8>> {
        let index = &self.packs.all[pack].index;
        let (start, mut end) = (index.entry(rank).offset, index.end(rank));
        if end.is_none() {
            let path = pack_path(&self.packs.all[pack].checksum, "pack");
            let size = match self.ends.get(&pack) {
                Some(size) => *size,
                None => self
                    .storage
                    .size(&path)?
                    .ok_or_else(|| self.damaged(pack, "it is not there"))?,
            };
            self.ends.insert(pack, size);
            end = size.checked_sub(self.format.id_len() as u64).filter(|end| *end > start);
        }
        let end = end.ok_or_else(|| self.damaged(pack, "it is cut off"))?;
        let len = usize::try_from(end - start).unwrap_or(usize::MAX);
        if let Some(bytes) = self.piece(pack, start, end) {
            return Ok(bytes[..len].to_vec());
        }
        // The last entry is longer than was guessed, or the pack is cut off.
        let path = pack_path(&self.packs.all[pack].checksum, "pack");
        let found = self.storage.get_span(&Span { path, start, end })?;
        found.filter(|bytes| bytes.len() == len).ok_or_else(|| self.damaged(pack, "it is cut off"))
    }

    pub(super) fn lacks(&self, id: &ObjectId) -> Error {
        Error::StaticLacks { remote: self.storage.shown.clone(), id: id.to_string() }
    }

    pub(super) fn damaged(&self, pack: usize, reason: &str) -> Error {
        let path = pack_path(&self.packs.all[pack].checksum, "pack");
        Error::StaticDamaged { what: self.storage.name_of(&path), reason: reason.into() }
    }
}
