//! What is visible: names and objects in journals, packs and loose files, as one.

use std::sync::atomic::Ordering;

use super::Inner;
use crate::content::ObjectSource;
use crate::error::Result;
use crate::git::{Kind, ObjectFormat, ObjectId, ObjectProblem, copy_blob, object_id};
use crate::index::Index;
use crate::journal::Journal;

const UNPOISONED: &str = "no holder of this lock panics";

impl Inner {
    /// Asks the index, after taking in what others wrote.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`] if the names cannot be read.
    pub(crate) fn look<T>(&self, ask: impl FnOnce(&Index, Option<&Journal>) -> T) -> Result<T> {
        let writer = self.writer.read().expect(UNPOISONED);
        let own = writer.as_ref().map(|writer| &writer.journal.journal);
        let mut index = self.index.write().expect(UNPOISONED);
        index.refresh(own.map(|journal| journal.id.as_str()))?;
        Ok(ask(&index, own))
    }

    /// Tries all that may have the object until `is_good` takes a copy: the journals, of this
    /// process first, then the packs and loose files with `in_packs`.
    fn read_once(
        &self,
        id: &ObjectId,
        out: &mut Vec<u8>,
        is_good: impl Fn(Kind, &[u8]) -> bool,
        in_packs: impl FnOnce(&mut Vec<u8>) -> Result<Kind, ObjectProblem>,
    ) -> Result<Kind, ObjectProblem> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let mut problem = ObjectProblem::Missing;
        {
            let writer = self.writer.read().expect(UNPOISONED);
            let own = writer.as_ref().map(|writer| &writer.journal.journal);
            let index = self.index.read().expect(UNPOISONED);
            for journal in own.into_iter().chain(index.journals()) {
                match journal.read(id, out) {
                    Some(Ok(kind)) if is_good(kind, out) => return Ok(kind),
                    Some(Ok(_)) => problem = ObjectProblem::Damaged(CHANGED.into()),
                    Some(Err(damage)) => problem = damage,
                    None => {}
                }
            }
        }
        match in_packs(out) {
            Err(ObjectProblem::Missing) => Err(problem),
            found => found,
        }
    }

    /// Whether a journal, a pack or a loose file has the object.
    pub(crate) fn has_object(&self, id: &ObjectId) -> bool {
        let writer = self.writer.read().expect(UNPOISONED);
        let own = writer.as_ref().map(|writer| &writer.journal.journal);
        let index = self.index.read().expect(UNPOISONED);
        own.into_iter().chain(index.journals()).any(|j| j.objects.contains_key(id))
            || self.packs.contains(id)
    }

    fn read_plain(&self, id: &ObjectId, out: &mut Vec<u8>) -> Result<Kind, ObjectProblem> {
        self.read_once(id, out, |_, _| true, |out| self.packs.read(id, out))
    }
}

const CHANGED: &str = "its bytes are not what was stored";

impl ObjectSource for Inner {
    fn format(&self) -> ObjectFormat {
        self.repository.format
    }

    fn read(&self, id: &ObjectId, out: &mut Vec<u8>) -> Result<Kind, ObjectProblem> {
        let found = self.read_plain(id, out);
        if found != Err(ObjectProblem::Missing) {
            return found;
        }
        // It may have moved between the looks: from a journal to a pack, or from pack to pack.
        if self.look(|_, _| ()).is_ok() {
            return self.read_plain(id, out);
        }
        found
    }

    fn read_intact(&self, id: &ObjectId, out: &mut Vec<u8>) -> Result<Kind, ObjectProblem> {
        // A journal that went meanwhile is a pack now.
        drop(self.look(|_, _| ()));
        let is_good =
            |kind, content: &[u8]| object_id(self.repository.format, kind, content) == *id;
        let found = self.read_once(id, out, is_good, |out| self.packs.read_intact(id, out));
        if let Err(ObjectProblem::Damaged(_)) = found {
            self.note_damage(id);
        }
        found
    }

    fn note_damage(&self, id: &ObjectId) {
        self.suspects.add(*id);
    }

    fn read_blob_into(&self, id: &ObjectId, out: &mut [u8]) -> Result<(), ObjectProblem> {
        let in_journal = {
            let writer = self.writer.read().expect(UNPOISONED);
            let own = writer.as_ref().map(|writer| &writer.journal.journal);
            let index = self.index.read().expect(UNPOISONED);
            own.into_iter().chain(index.journals()).any(|j| j.objects.contains_key(id))
        };
        if !in_journal && self.packs.read_blob_into(id, out).is_ok() {
            self.reads.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        let mut bytes = Vec::new();
        let kind = self.read(id, &mut bytes)?;
        copy_blob(kind, &bytes, out)
    }
}
