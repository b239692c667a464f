//! Publishing to a static remote: packs first, then their list, then the refs. Dying between any
//! two steps leaves at worst a pack that nobody lists.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::StaticRemote;
use super::lacking::{Lacking, lacking, read_checked};
use super::listing::{
    PACKS, PackNames, REFS, pack_path, packs_bytes, read_packs, read_refs, refs_bytes,
};
use super::pack_bytes::{PackBytes, SealedPack};
use super::packs::{RemotePack, RemotePacks};
use super::storage::{Stored, VersionTag};
use crate::content::choose_compression;
use crate::error::{Error, Result};
use crate::git::{Compression, Kind, ObjectId, PackIndex, PackedObject};
use crate::store::{RefChange, Store};

/// The most bytes of one pack, and so of one request and of memory.
const LARGEST_PACK: usize = 32 << 20;
/// How long a list is fought for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait after the first lost race, at most; twice as long after each other.
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// A ref that is not what the publisher believed: somebody else was faster. It was left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MovedRef {
    /// Its full name.
    pub(crate) name: String,
    /// What it is now.
    pub(crate) found: Option<ObjectId>,
}

/// What a publication did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Published {
    /// The refs that are now as they were to be, those that were so already included.
    pub(crate) refs: Vec<String>,
    /// The refs that somebody else changed: take in what they are now, and publish again.
    pub(crate) moved: Vec<MovedRef>,
    /// How many objects went.
    pub(crate) objects: usize,
    /// How many bytes of packs and indices went.
    pub(crate) bytes: u64,
    /// How many small packs became one.
    pub(crate) merged_packs: usize,
    /// Why small packs could not be merged, or old ones not removed; all the same, what was to be
    /// published is.
    pub(crate) not_tidied: Option<String>,
}

impl StaticRemote {
    /// Publishes refs with all that they need and the remote lacks. A ref is changed if it is what
    /// its change expects, each for itself.
    ///
    /// # Errors
    /// [`Error::NotInStore`], [`Error::StaticUnsafe`], [`Error::StaticReadOnly`],
    /// [`Error::StaticBusy`], [`Error::StaticDamaged`], [`Error::StaticRemote`]. What arrived
    /// until then is not sent again.
    pub(crate) fn publish(&self, store: &Store, changes: &[RefChange]) -> Result<Published> {
        if self.storage.is_read_only() {
            return Err(Error::StaticReadOnly { remote: self.storage.shown.clone() });
        }
        let file = self.storage.get(REFS)?;
        let refs = self.refs_of(file.as_ref())?;
        let (apply, _) = sort_out(changes, &refs);
        if apply.is_empty() {
            return Ok(outcome(changes, &refs));
        }
        let packs = self.packs()?;
        let tips: Vec<(ObjectId, Option<ObjectId>)> = apply
            .iter()
            .filter_map(|change| Some((change.new?, refs.get(&change.name).copied())))
            .collect();
        let wanted = lacking(store, &packs, &tips)?;
        self.storage.require_conditional_writes()?;
        if file.is_none() {
            // What git looks for in a repository. Whoever was faster wrote the same.
            self.storage.swap("HEAD", b"ref: refs/heads/main\n".to_vec(), None)?;
        }
        let before = self.storage.traffic().sent;
        self.send(store, &wanted, packs)?;
        let bytes = self.storage.traffic().sent - before;
        let refs = self.change_refs(changes, file)?;
        let mut done = outcome(changes, &refs);
        (done.objects, done.bytes) = (wanted.len(), bytes);
        match self.tidy() {
            Ok(merged) => done.merged_packs = merged,
            Err(error) => done.not_tidied = Some(error.to_string()),
        }
        Ok(done)
    }

    /// Sends objects, in packs that are each listed before the next is made: what arrived counts,
    /// should the rest not.
    fn send(&self, store: &Store, wanted: &[Lacking], mut packs: RemotePacks) -> Result<()> {
        const BATCH: usize = 256;
        let format = store.object_format();
        let is_far = self.storage.is_far();
        let mut open = PackBytes::default();
        for batch in wanted.chunks(BATCH) {
            let made: Vec<(Lacking, Vec<u8>)> = batch
                .par_iter()
                .map(|object| {
                    let (kind, content) = read_checked(store, &object.id)?;
                    let how = compression(kind, &content, is_far);
                    let packed = PackedObject::new(object.id, kind, &content, how);
                    Ok((*object, packed.pieces().concat()))
                })
                .collect::<Result<_>>()?;
            for (object, entry) in made {
                if !open.is_empty() && open.len() + entry.len() > LARGEST_PACK {
                    let full = std::mem::take(&mut open);
                    self.send_pack(full.seal(format), &mut packs)?;
                }
                open.add(object.role, object.id, entry);
            }
        }
        if open.is_empty() { Ok(()) } else { self.send_pack(open.seal(format), &mut packs) }
    }

    fn send_pack(&self, sealed: SealedPack, packs: &mut RemotePacks) -> Result<()> {
        let checksum = sealed.checksum.clone();
        let index = self.upload(sealed)?;
        let known = packs.tag.take().map(|tag| (packs.names.clone(), tag));
        let added = [checksum.clone()].into();
        self.change_packs(known, &added, &BTreeSet::new())?;
        // Whether somebody else listed packs meanwhile is seen at the next look.
        packs.names.insert(checksum.clone());
        packs.all.push(RemotePack { checksum, index: index.into() });
        self.remember(packs);
        Ok(())
    }

    /// Writes a pack and its index, which nobody lists yet.
    pub(super) fn upload(&self, sealed: SealedPack) -> Result<PackIndex> {
        let SealedPack { checksum, pack, index } = sealed;
        self.storage.put(&pack_path(&checksum, "pack"), pack)?;
        self.index_cache.keep(&checksum, &index);
        self.storage.put(&pack_path(&checksum, "idx"), index.clone())?;
        Ok(PackIndex::read(index, self.format).expect("it was made a moment ago"))
    }

    /// Adds packs to the list and takes others off it, if all of these are on it; says whether they
    /// were. `known` is what the list was a moment ago.
    pub(super) fn change_packs(
        &self,
        known: Option<(PackNames, VersionTag)>,
        add: &PackNames,
        remove: &PackNames,
    ) -> Result<bool> {
        let mut known = known;
        self.contend(|| {
            let (mut names, tag) = match known.take() {
                Some((names, tag)) => (names, Some(tag)),
                None => match self.storage.get(PACKS)? {
                    Some(file) => (self.names_of(&file)?, Some(file.tag)),
                    None => (PackNames::new(), None),
                },
            };
            if !remove.is_subset(&names) {
                return Ok(Some(false));
            }
            if remove.is_empty() && add.is_subset(&names) {
                return Ok(Some(true));
            }
            names.retain(|name| !remove.contains(name));
            names.extend(add.iter().cloned());
            let swapped = self.storage.swap(PACKS, packs_bytes(&names), tag.as_ref())?;
            Ok(swapped.then_some(true))
        })
    }

    pub(super) fn names_of(&self, file: &Stored) -> Result<PackNames> {
        let what = || self.storage.name_of(PACKS);
        read_packs(&file.bytes).map_err(|reason| Error::StaticDamaged { what: what(), reason })
    }

    pub(super) fn refs_of(&self, file: Option<&Stored>) -> Result<BTreeMap<String, ObjectId>> {
        let Some(file) = file else { return Ok(BTreeMap::new()) };
        let what = || self.storage.name_of(REFS);
        read_refs(&file.bytes, self.format)
            .map_err(|reason| Error::StaticDamaged { what: what(), reason })
    }

    /// Replaces the list of refs until it holds the changes, less those that others overtook;
    /// returns what it then is.
    fn change_refs(
        &self,
        changes: &[RefChange],
        known: Option<Stored>,
    ) -> Result<BTreeMap<String, ObjectId>> {
        let mut known = Some(known);
        self.contend(|| {
            let file = match known.take() {
                Some(file) => file,
                None => self.storage.get(REFS)?,
            };
            let mut refs = self.refs_of(file.as_ref())?;
            let (apply, _) = sort_out(changes, &refs);
            if apply.is_empty() {
                return Ok(Some(refs));
            }
            for change in apply {
                match change.new {
                    Some(id) => drop(refs.insert(change.name.clone(), id)),
                    None => drop(refs.remove(&change.name)),
                }
            }
            let tag = file.map(|file| file.tag);
            let swapped = self.storage.swap(REFS, refs_bytes(&refs), tag.as_ref())?;
            Ok(swapped.then_some(refs))
        })
    }

    /// Tries until it is done, waiting ever longer after each lost race.
    fn contend<T>(&self, mut once: impl FnMut() -> Result<Option<T>>) -> Result<T> {
        let started = Instant::now();
        let mut wait = FIRST_WAIT;
        loop {
            if let Some(done) = once()? {
                return Ok(done);
            }
            if started.elapsed() > PATIENCE {
                return Err(Error::StaticBusy { remote: self.storage.shown.clone() });
            }
            // Those who lost together must not come back together.
            std::thread::sleep(wait.mul_f64(fastrand::f64()));
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// Which changes are to be made, and which refs somebody else moved.
fn sort_out<'c>(
    changes: &'c [RefChange],
    refs: &BTreeMap<String, ObjectId>,
) -> (Vec<&'c RefChange>, Vec<MovedRef>) {
    let (mut apply, mut moved) = (Vec::new(), Vec::new());
    for change in changes {
        let found = refs.get(&change.name).copied();
        if found == change.new {
            continue;
        }
        if found == change.expected {
            apply.push(change);
        } else {
            moved.push(MovedRef { name: change.name.clone(), found });
        }
    }
    (apply, moved)
}

fn outcome(changes: &[RefChange], refs: &BTreeMap<String, ObjectId>) -> Published {
    let (_, moved) = sort_out(changes, refs);
    let is_there = |change: &&RefChange| refs.get(&change.name).copied() == change.new;
    let there = changes.iter().filter(is_there).map(|change| change.name.clone());
    Published { refs: there.collect(), moved, ..Published::default() }
}

/// How an object travels: over a network, what shrinks is worth it.
fn compression(kind: Kind, content: &[u8], is_far: bool) -> Compression {
    /// Below this nothing shrinks: an id is noise.
    const SMALLEST: usize = 128;
    match choose_compression(content) {
        Compression::Stored if !is_far || content.len() < SMALLEST => Compression::Stored,
        Compression::Stored if kind == Kind::Blob && content.len() >= 8192 => Compression::Stored,
        _ if is_far => Compression::Deflate(6),
        chosen => chosen,
    }
}
