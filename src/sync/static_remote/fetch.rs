//! Bringing objects from a static remote: trees and manifests first, then the parts that are
//! wanted.

use std::collections::HashSet;

use super::StaticRemote;
use super::listing::pack_path;
use super::packs::{RemotePack, RemotePacks};
use super::reading::{Followed, Read, Reader};
use super::storage::Span;
use crate::entry::MANIFEST_FILE;
use crate::error::{Error, Result};
use crate::git::{Kind, ObjectFormat, ObjectId, TreeMode, children_of, tree_entries};
use crate::store::{ForeignPack, IncomingPack, LockedStore, Store};

/// Whether a file of what a tip names is brought: the number of the tip, and the path from its
/// tree, as `<cell>/<module>/<version>/<created_at>-<id8>/outputs/0.txt`.
pub(crate) type Wants<'a> = dyn Fn(usize, &str) -> bool + 'a;

/// What came, and is not among the packs of the store yet.
#[must_use]
pub(crate) struct Received {
    pack: IncomingPack,
    /// Packs that were taken as plain git made them.
    pub(super) foreign: Vec<(ForeignPack, ObjectId)>,
    /// How many objects came; of packs that were taken whole, all.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests count what travels"))]
    pub(crate) objects: usize,
    /// How many files were left on the remote, as nobody wants them yet.
    pub(crate) left: usize,
}

impl Received {
    /// Makes what came part of the store. Refs that name it are set under the same hold of the
    /// lock, so that no collection comes between.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub(crate) fn place(self, locked: &LockedStore<'_>) -> Result<()> {
        let partial = self.left > 0;
        for (foreign, checksum) in self.foreign {
            foreign.place(locked, &checksum, partial)?;
        }
        self.pack.place(locked, partial)
    }
}

/// An object that is on its way.
struct Open {
    id: ObjectId,
    tip: usize,
    /// From the tree of the tip; empty for a commit and for that tree.
    path: String,
}

impl StaticRemote {
    /// Brings what the tips need and the store lacks: commits, trees and manifests, and the other
    /// files that `wants` takes. What the store has is taken to have what it needs, but for files
    /// that were left out before: those are read with [`StaticRemote::read_objects`].
    ///
    /// # Errors
    /// [`Error::StaticLacks`], [`Error::StaticDamaged`], [`Error::StaticRemote`],
    /// [`Error::ReadOnly`], [`Error::Disk`]; then nothing came.
    pub(crate) fn fetch(
        &self,
        store: &Store,
        tips: &[ObjectId],
        wants: &Wants<'_>,
    ) -> Result<Received> {
        self.again_if_merged(|packs| {
            let mut work = Fetching::new(self, store, packs)?;
            work.walk(tips, wants)?;
            work.finish()
        })
    }

    /// Brings these objects, each as it is and nothing that it names.
    ///
    /// # Errors
    /// As [`StaticRemote::fetch`].
    pub(crate) fn read_objects(&self, store: &Store, ids: &[ObjectId]) -> Result<Received> {
        self.again_if_merged(|packs| {
            let mut work = Fetching::new(self, store, packs)?;
            work.blobs = ids.iter().filter(|id| !store.has(id)).copied().collect();
            // They name others, which may not be here.
            work.left = 1;
            work.finish()
        })
    }

    /// Works with the packs as they were last listed, and once more with those of now if that
    /// fails: they may have been merged, and the old ones removed.
    fn again_if_merged<T>(&self, work: impl Fn(&RemotePacks) -> Result<T>) -> Result<T> {
        let packs = self.packs()?;
        match work(&packs) {
            Err(Error::StaticLacks { .. } | Error::StaticDamaged { .. }) => {
                let now = self.packs()?;
                work(&now)
            }
            done => done,
        }
    }
}

struct Fetching<'a> {
    remote: &'a StaticRemote,
    store: &'a Store,
    packs: &'a RemotePacks,
    format: ObjectFormat,
    reader: Reader<'a>,
    pack: IncomingPack,
    foreign: Vec<(ForeignPack, ObjectId)>,
    /// The packs that were taken whole, by number.
    taken: HashSet<usize>,
    seen: HashSet<ObjectId>,
    blobs: Vec<ObjectId>,
    objects: usize,
    left: usize,
}

impl<'a> Fetching<'a> {
    fn new(
        remote: &'a StaticRemote,
        store: &'a Store,
        packs: &'a RemotePacks,
    ) -> Result<Fetching<'a>> {
        let format = store.object_format();
        Ok(Fetching {
            remote,
            store,
            packs,
            format,
            reader: Reader::new(&remote.storage, packs, format),
            pack: store.receive_pack()?,
            foreign: Vec::new(),
            taken: HashSet::new(),
            seen: HashSet::new(),
            blobs: Vec::new(),
            objects: 0,
            left: 0,
        })
    }

    /// Walks from the tips, level by level, so that each level is a few requests.
    fn walk(&mut self, tips: &[ObjectId], wants: &Wants<'_>) -> Result<()> {
        let mut level: Vec<Open> = Vec::new();
        for (tip, id) in tips.iter().enumerate() {
            self.open(&mut level, Open { id: *id, tip, path: String::new() });
        }
        while !level.is_empty() {
            let ids: Vec<ObjectId> = level.iter().map(|open| open.id).collect();
            let mut contents = std::collections::HashMap::with_capacity(ids.len());
            self.bring(&ids, Followed::Yes, |id, kind, content| {
                contents.insert(id, (kind, content));
            })?;
            let mut next = Vec::new();
            for open in level {
                let Some((kind, content)) = contents.get(&open.id) else { continue };
                match kind {
                    Kind::Blob => {}
                    Kind::Tree => self.open_tree(&mut next, &open, content, wants)?,
                    Kind::Commit | Kind::Tag => {
                        let children = children_of(self.format, *kind, content);
                        for (id, _) in children.ok_or_else(|| self.makes_no_sense(&open.id))? {
                            let path = String::new();
                            self.open(&mut next, Open { id, tip: open.tip, path });
                        }
                    }
                }
            }
            level = next;
        }
        Ok(())
    }

    fn open(&mut self, level: &mut Vec<Open>, open: Open) {
        if self.seen.insert(open.id) && !self.store.has(&open.id) {
            level.push(open);
        }
    }

    fn open_tree(
        &mut self,
        next: &mut Vec<Open>,
        at: &Open,
        content: &[u8],
        wants: &Wants<'_>,
    ) -> Result<()> {
        let entries =
            tree_entries(self.format, content).ok_or_else(|| self.makes_no_sense(&at.id))?;
        for entry in entries {
            let slash = if at.path.is_empty() { "" } else { "/" };
            let path = format!("{}{slash}{}", at.path, entry.name);
            if entry.mode == TreeMode::Folder {
                self.open(next, Open { id: entry.id, tip: at.tip, path });
                continue;
            }
            if entry.mode == TreeMode::Other && !self.reader.has(&entry.id) {
                // A submodule, whose commits are elsewhere.
                continue;
            }
            if self.seen.contains(&entry.id) || self.store.has(&entry.id) {
                continue;
            }
            // The manifest stands at the top of an entry; it is read to know the rest.
            let is_manifest = entry.name == MANIFEST_FILE && path.matches('/').count() == 4;
            if is_manifest || wants(at.tip, &path) {
                self.seen.insert(entry.id);
                self.blobs.push(entry.id);
            } else {
                self.left += 1;
            }
        }
        Ok(())
    }

    /// Reads objects, and keeps them for the store.
    fn bring(
        &mut self,
        ids: &[ObjectId],
        followed: Followed,
        mut give: impl FnMut(ObjectId, Kind, Vec<u8>),
    ) -> Result<()> {
        let mut content = Vec::new();
        let mut open = Vec::with_capacity(ids.len());
        for id in ids {
            match self.foreign.iter().find_map(|(foreign, _)| foreign.read(id, &mut content)) {
                Some(kind) => give(*id, kind, std::mem::take(&mut content)),
                None => open.push(*id),
            }
        }
        let mut deltas: Vec<(ObjectId, usize)> = Vec::new();
        let (pack, objects) = (&mut self.pack, &mut self.objects);
        self.reader.read(&open, followed, |id, read| {
            match read {
                Read::Object { kind, content, entry } => {
                    pack.add(id, &entry)?;
                    *objects += 1;
                    give(id, kind, content);
                }
                Read::Delta(pack) => deltas.push((id, pack)),
            }
            Ok(())
        })?;
        for (id, number) in deltas {
            if self.taken.insert(number) {
                self.take_whole(number)?;
            }
            let whole = self.foreign.iter().find_map(|(it, _)| it.read(&id, &mut content));
            let kind = whole.ok_or_else(|| self.makes_no_sense(&id))?;
            give(id, kind, std::mem::take(&mut content));
        }
        Ok(())
    }

    /// Takes a pack as it is: plain git wrote it, and its deltas stand on each other.
    fn take_whole(&mut self, number: usize) -> Result<()> {
        const STEP: u64 = 8 << 20;
        let RemotePack { checksum, index } = &self.packs.all[number];
        let storage = &self.remote.storage;
        let (path, index_path) = (pack_path(checksum, "pack"), pack_path(checksum, "idx"));
        let gone = || self.reader.damaged(number, "it is not there");
        let index_bytes = storage.get(&index_path)?.ok_or_else(gone)?.bytes;
        let size = storage.size(&path)?.ok_or_else(gone)?;
        let mut foreign = self.store.receive_foreign_pack(&index_bytes)?;
        let mut start = 0;
        while start < size {
            let end = size.min(start + STEP);
            let bytes = storage.get_span(&Span { path: path.clone(), start, end })?;
            let bytes = bytes.ok_or_else(gone)?;
            if bytes.len() as u64 != end - start {
                return Err(self.reader.damaged(number, "it is cut off"));
            }
            foreign.write(&bytes, start)?;
            start = end;
        }
        if let Some(flaw) = foreign.flaw() {
            return Err(self.reader.damaged(number, &flaw));
        }
        let checksum = ObjectId::try_from(index.pack_checksum()).expect("ids have their length");
        self.objects += index.len();
        self.foreign.push((foreign, checksum));
        Ok(())
    }

    /// Brings the files that are wanted.
    fn finish(mut self) -> Result<Received> {
        let blobs = std::mem::take(&mut self.blobs);
        self.bring(&blobs, Followed::No, |_, _, _| {})?;
        let Fetching { pack, foreign, objects, left, .. } = self;
        Ok(Received { pack, foreign, objects, left })
    }

    fn makes_no_sense(&self, id: &ObjectId) -> Error {
        let what = format!("{} (object {id})", self.remote.storage.shown);
        Error::StaticDamaged { what, reason: "it makes no sense".into() }
    }
}
