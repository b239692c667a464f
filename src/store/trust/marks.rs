//! Marks of entries that came from elsewhere though no foreign ledger says so (format.md,
//! section 13): refs of this store alone, which are never sent.

use crate::error::Result;
use crate::git::{Kind, ObjectId, object_id};
use crate::name::EntryName;
use crate::store::assemble::MadeObject;
use crate::store::putting::KeptObjects;
use crate::store::{Inner, Store};

/// The folder of the marks.
pub(crate) const FOREIGN_FOLDER: &str = "refs/recell/foreign";

/// What every mark stands for: the mark must not keep the entry's bytes.
const MARK: &[u8] = b"This entry came from elsewhere.\n";

/// Returns the ref that says that an entry came from elsewhere.
pub(crate) fn foreign_ref(entry: &EntryName) -> String {
    format!("{FOREIGN_FOLDER}/{entry}")
}

impl Inner {
    /// Whether the entry is marked as come from elsewhere.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
    pub(super) fn is_marked(&self, entry: &EntryName) -> Result<bool> {
        let name = foreign_ref(entry);
        Ok(self.look(|index, own| index.names(own).reference(&name))?.is_some()
            || crate::disk::is_there(&self.repository.git_dir.join(&name)))
    }
}

impl Store {
    /// Stores what a mark stands for, and returns its id. It stays as long as the answer is held:
    /// until then refs of [`foreign_ref`] must name it.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub(crate) fn keep_mark(&self) -> Result<(ObjectId, KeptObjects<'_>)> {
        let id = object_id(self.object_format(), Kind::Blob, MARK);
        let made = MadeObject { id, kind: Kind::Blob, bytes: MARK.to_vec() };
        Ok((id, self.journal_objects(&[made])?))
    }
}
