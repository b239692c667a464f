//! Puts in progress. What they rely on stays, whatever is collected or flushed meanwhile
//! (docs/design/003-gc-beside-writers.md).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::{Inner, Writer};
use crate::content::{ObjectSink, ObjectSource};
use crate::digest::Digest;
use crate::disk;
use crate::error::{Error, Result};
use crate::git::{Kind, ObjectFormat, ObjectId, PackedObject, tree_entries};
use crate::journal::{Known, NewNames};

const UNPOISONED: &str = "no holder of this lock panics";

/// What one put relies on until its entry names it: objects that it appended, and such as were
/// there already.
#[derive(Default)]
pub(super) struct Reliance {
    ids: Mutex<Vec<ObjectId>>,
    /// Whether a flush could not write it down in the next journal.
    lost: AtomicBool,
}

/// The puts of this process that are in progress.
pub(super) type PutsInProgress = Mutex<Vec<Arc<Reliance>>>;

/// A put in progress: where its contents go.
pub(super) struct Putting<'a> {
    inner: &'a Inner,
    reliance: Arc<Reliance>,
}

impl<'a> Putting<'a> {
    pub(super) fn begin(inner: &'a Inner) -> Putting<'a> {
        let reliance = Arc::new(Reliance::default());
        inner.putting.lock().expect(UNPOISONED).push(Arc::clone(&reliance));
        Putting { inner, reliance }
    }

    /// Keeps all that this relies on and appended until the answer is dropped.
    pub(super) fn keep(self) -> KeptObjects<'a> {
        KeptObjects { inner: self.inner, putting: Some(self) }
    }

    pub(super) fn note(&self, ids: impl IntoIterator<Item = ObjectId>) {
        self.reliance.ids.lock().expect(UNPOISONED).extend(ids);
    }

    /// Whether the journal of this process has the object. It may be flushed before the put is
    /// done: then the put relies on a pack.
    fn in_own_journal(&self, id: &ObjectId) -> bool {
        let writer = self.inner.writer.read().expect(UNPOISONED);
        let found = writer.as_ref().is_some_and(|w| w.journal.journal.objects.contains_key(id));
        if found {
            self.note([*id]);
        }
        found
    }

    /// Whether a pack has the object, and keeps it: a collection that begins now or later knows
    /// that we rely on it, and none is running.
    fn stays_in_a_pack(&self, id: &ObjectId) -> Result<bool> {
        let inner = self.inner;
        if !inner.packs.in_a_pack(id) || inner.suspects.has(id) {
            return Ok(false);
        }
        {
            let mut writer = inner.writer.write().expect(UNPOISONED);
            inner.rely_on(&mut writer, &[*id])?;
            self.note([*id]);
        }
        if inner.is_sweeping() {
            return Ok(false);
        }
        // One that ended between the look above and our record may have removed it.
        inner.packs.refresh()?;
        Ok(inner.packs.in_a_pack(id))
    }

    /// Makes sure, before the entry is committed, that what this put relies on is on record in
    /// `slot`, where a flush failed to write it down.
    ///
    /// # Errors
    /// [`Error::Disk`] if that fails, or if something is gone.
    pub(super) fn regain(&self, slot: &mut Option<Writer>) -> Result<()> {
        if !self.reliance.lost.load(Ordering::Relaxed) {
            return Ok(());
        }
        let ids = self.reliance.ids.lock().expect(UNPOISONED).clone();
        self.inner.rely_on(slot, &ids)?;
        let sweeping = self.inner.is_sweeping();
        self.inner.packs.refresh()?;
        let own = slot.as_ref().map(|writer| &writer.journal.journal.objects);
        let is_there = |id: &ObjectId| {
            own.is_some_and(|own| own.contains_key(id)) || self.inner.packs.in_a_pack(id)
        };
        if sweeping || !ids.iter().all(is_there) {
            let path = self.inner.repository.objects_folder();
            let source = std::io::ErrorKind::NotFound.into();
            return Err(Error::Disk { action: "rely on what was stored in", path, source });
        }
        Ok(())
    }
}

impl Drop for Putting<'_> {
    fn drop(&mut self) {
        let mut all = self.inner.putting.lock().expect(UNPOISONED);
        all.retain(|other| !Arc::ptr_eq(other, &self.reliance));
    }
}

/// Objects that no ref names yet, kept from being collected until this is dropped.
pub(crate) struct KeptObjects<'a> {
    inner: &'a Inner,
    putting: Option<Putting<'a>>,
}

impl Drop for KeptObjects<'_> {
    fn drop(&mut self) {
        self.putting = None;
        let mut slot = self.inner.writer.write().expect(UNPOISONED);
        let is_idle = slot.as_ref().is_some_and(|writer| {
            let journal = &writer.journal.journal;
            journal.objects.is_empty() && journal.entries.is_empty() && journal.refs.is_empty()
        });
        // What a flush meanwhile carried over is needed no more. If that fails, the next flush
        // does it.
        if is_idle && self.inner.putting.lock().expect(UNPOISONED).is_empty() {
            drop(self.inner.release(&mut slot));
        }
    }
}

impl Inner {
    /// Whether a collection removes packs just now, or died while it did.
    pub(super) fn is_sweeping(&self) -> bool {
        disk::is_there(&self.repository.own_folder().join(super::leftovers::SWEEPING))
    }

    /// Writes into the journal of this process that a put relies on objects of the store.
    fn rely_on(&self, slot: &mut Option<Writer>, ids: &[ObjectId]) -> Result<()> {
        if slot.is_none() {
            *slot = Some(self.start_journal()?);
        }
        let writer = slot.as_mut().expect("it was started above");
        writer.journal.rely(ids).inspect_err(|_| drop(self.release(slot)))
    }

    /// Starts the next journal, in place of one that is about to be flushed, if puts are in
    /// progress: with what they rely on, as the old one no longer speaks for them.
    pub(super) fn carry_over(&self, slot: &mut Option<Writer>) {
        let putting = self.putting.lock().expect(UNPOISONED);
        let mut ids: Vec<ObjectId> = Vec::new();
        for reliance in putting.iter() {
            ids.extend_from_slice(&reliance.ids.lock().expect(UNPOISONED));
        }
        if ids.is_empty() {
            return;
        }
        ids.sort_unstable();
        ids.dedup();
        let started = self.start_journal().and_then(|mut writer| {
            writer.journal.rely(&ids)?;
            Ok(writer)
        });
        match started {
            Ok(writer) => *slot = Some(writer),
            // The put looks once more before it commits.
            Err(_) => {
                putting.iter().for_each(|reliance| reliance.lost.store(true, Ordering::Relaxed));
            }
        }
    }
}

impl ObjectSink for Putting<'_> {
    fn format(&self) -> ObjectFormat {
        self.inner.repository.format
    }

    fn known(&self, digest: &Digest) -> Option<Known> {
        let writer = self.inner.writer.read().expect(UNPOISONED);
        let own = writer.as_ref().and_then(|writer| writer.known.get(digest).copied());
        own.or_else(|| self.inner.known.read().expect(UNPOISONED).find(digest))
    }

    /// Journals of others are left out: only what is in a pack stays whatever they do. So are loose
    /// objects, as looking for a file costs more than storing a small object again, and what was
    /// found damaged: storing it again is what heals it.
    fn contains(&self, id: &ObjectId) -> bool {
        // Where it cannot be made sure, storing it says why, or simply works.
        self.in_own_journal(id) || self.stays_in_a_pack(id).unwrap_or(false)
    }

    fn contains_chunks(&self, tree: &ObjectId) -> bool {
        if !self.contains(tree) {
            return false;
        }
        let mut bytes = Vec::new();
        if ObjectSource::read(self.inner, tree, &mut bytes) != Ok(Kind::Tree) {
            return false;
        }
        let writer = self.inner.writer.read().expect(UNPOISONED);
        let own = writer.as_ref().map(|writer| &writer.journal.journal.objects);
        let is_there = |id: &ObjectId| {
            own.is_some_and(|own| own.contains_key(id))
                || (self.inner.packs.in_a_pack(id) && !self.inner.suspects.has(id))
        };
        tree_entries(self.format(), &bytes)
            .is_some_and(|chunks| chunks.iter().all(|chunk| is_there(&chunk.id)))
    }

    fn append(&self, objects: &[PackedObject<'_>], known: &[Known]) -> Result<()> {
        let mut writer = self.inner.writer.write().expect(UNPOISONED);
        self.inner.append_to(&mut writer, objects, known, NewNames::default())?;
        self.note(objects.iter().map(|object| object.id));
        Ok(())
    }
}
