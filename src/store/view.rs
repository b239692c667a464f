//! What is visible: names and objects in journals, packs and loose files, as one.

use super::Inner;
use crate::content::{ObjectSink, ObjectSource};
use crate::digest::Digest;
use crate::error::Result;
use crate::git::{Kind, ObjectFormat, ObjectId, ObjectProblem, PackedObject};
use crate::index::Index;
use crate::journal::{Journal, Known};

const UNPOISONED: &str = "no holder of this lock panics";

impl Inner {
    /// Asks the index, after taking in what others wrote.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`] if the names cannot be read.
    pub(super) fn look<T>(&self, ask: impl FnOnce(&Index, Option<&Journal>) -> T) -> Result<T> {
        let writer = self.writer.read().expect(UNPOISONED);
        let own = writer.as_ref().map(|writer| &writer.journal.journal);
        let mut index = self.index.write().expect(UNPOISONED);
        index.refresh(own.map(|journal| journal.id.as_str()))?;
        Ok(ask(&index, own))
    }

    fn read_once(&self, id: &ObjectId, out: &mut Vec<u8>) -> Result<Kind, ObjectProblem> {
        {
            let writer = self.writer.read().expect(UNPOISONED);
            let own = writer.as_ref().and_then(|writer| writer.journal.journal.read(id, out));
            if let Some(found) = own {
                return found;
            }
        }
        if let Some(found) = self.index.read().expect(UNPOISONED).read(id, out) {
            return found;
        }
        self.packs.read(id, out)
    }
}

impl ObjectSource for Inner {
    fn format(&self) -> ObjectFormat {
        self.repository.format
    }

    fn read(&self, id: &ObjectId, out: &mut Vec<u8>) -> Result<Kind, ObjectProblem> {
        let found = self.read_once(id, out);
        if found != Err(ObjectProblem::Missing) {
            return found;
        }
        // It may have moved between the looks: from a journal to a pack, or from pack to pack.
        if self.look(|_, _| ()).is_ok() {
            return self.read_once(id, out);
        }
        found
    }

    fn read_blob_into(&self, id: &ObjectId, out: &mut [u8]) -> Result<(), ObjectProblem> {
        let in_journal = {
            let writer = self.writer.read().expect(UNPOISONED);
            let own = writer.as_ref().map(|writer| &writer.journal.journal);
            let index = self.index.read().expect(UNPOISONED);
            own.into_iter().chain(index.journals()).any(|j| j.objects.contains_key(id))
        };
        if !in_journal && self.packs.read_blob_into(id, out).is_ok() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let kind = self.read(id, &mut bytes)?;
        if kind != Kind::Blob || bytes.len() != out.len() {
            let reason = format!("{} bytes where {} should be", bytes.len(), out.len());
            return Err(ObjectProblem::Damaged(reason));
        }
        out.copy_from_slice(&bytes);
        Ok(())
    }
}

impl ObjectSink for Inner {
    fn format(&self) -> ObjectFormat {
        self.repository.format
    }

    fn known(&self, digest: &Digest) -> Option<Known> {
        let writer = self.writer.read().expect(UNPOISONED);
        let own = writer.as_ref().and_then(|writer| writer.known.get(digest).copied());
        own.or_else(|| self.known.read().expect(UNPOISONED).find(digest))
    }

    /// Journals of others are left out, as only what is in a pack stays whatever they do, and so
    /// are loose objects: looking for a file costs more than storing a small object again.
    fn contains(&self, id: &ObjectId) -> bool {
        let writer = self.writer.read().expect(UNPOISONED);
        let own = writer.as_ref().is_some_and(|w| w.journal.journal.objects.contains_key(id));
        own || self.packs.in_a_pack(id)
    }

    fn append(&self, objects: &[PackedObject<'_>], known: &[Known]) -> Result<()> {
        let mut writer = self.writer.write().expect(UNPOISONED);
        self.own_writer(&mut writer)?.append(objects, known, &[], &self.written)
    }
}
