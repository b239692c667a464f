//! Taking packs out of the store, and what was noted of them.

use std::path::{Path, PathBuf};

use super::merge::mark_fetched;
use super::{LockedStore, leftovers};
use crate::content::KnownContents;
use crate::disk;
use crate::error::Result;
use crate::git::ObjectId;

/// Says, as long as it lives, that packs are being removed: puts rely on no pack meanwhile.
pub(crate) struct Sweeping {
    path: PathBuf,
}

impl Drop for Sweeping {
    fn drop(&mut self) {
        drop(disk::remove(&self.path));
    }
}

impl LockedStore<'_> {
    /// Says that packs are about to be removed. What is read of the names and journals from now on
    /// is all that puts rely on (docs/design/003-gc-beside-writers.md).
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if that cannot be said.
    pub(crate) fn begin_sweeping(&self) -> Result<Sweeping> {
        let path = self.own_folder().join(leftovers::SWEEPING);
        disk::remove(&path)?;
        drop(disk::create_new(&path)?);
        let sweeping = Sweeping { path };
        disk::crash_point("sweeping");
        Ok(sweeping)
    }

    /// Tells git that what the objects of a pack name may be on a remote alone.
    ///
    /// # Errors
    /// [`crate::Error::Disk`].
    #[expect(clippy::unused_self, reason = "who marks packs must hold the lock")]
    pub(crate) fn mark_fetched(&self, index_path: &Path) -> Result<()> {
        mark_fetched(index_path)
    }

    /// Removes a pack whose objects are all elsewhere, or nowhere wanted.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if a file cannot be removed.
    #[expect(clippy::unused_self, reason = "who removes packs must hold the lock")]
    pub(crate) fn remove_pack(&self, index_path: &Path) -> Result<()> {
        // The index first: nobody is led to a pack that is not there. It gets a name by which a
        // flush can tell, should we die, that the pack was to go; that takes no space.
        let going = leftovers::going_name(index_path);
        match disk::rename(index_path, &going) {
            // A git that collects beside us was faster: what it left of the pack goes below.
            Err(_) if !disk::is_there(index_path) => {}
            renamed => renamed?,
        }
        disk::crash_point("pack going");
        leftovers::remove_going(&going)?;
        Ok(())
    }

    /// Removes the indices that git keeps over several packs and over commits: they name what goes,
    /// and git makes them anew.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if a file cannot be removed.
    pub(crate) fn remove_indices_over_packs(&self) -> Result<()> {
        let info = self.inner.repository.objects_folder().join("info");
        let over_packs = disk::list(&self.packs_folder())?;
        let over_packs = over_packs.iter().filter(|it| it.name.starts_with("multi-pack-index"));
        let over_commits = disk::list(&info.join("commit-graphs"))?;
        let one = info.join("commit-graph");
        let all = over_packs.chain(&over_commits).map(|entry| &entry.path).chain([&one]);
        all.into_iter().try_for_each(|path| disk::remove(path).map(drop))
    }

    /// Forgets what is noted of objects that are in no pack and no file any more.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be written.
    pub(crate) fn forget_gone_objects(&self) -> Result<()> {
        let inner = self.inner;
        inner.packs.refresh()?;
        let is_there = |id: &ObjectId| inner.packs.contains(id);
        let path = self.own_folder().join("contents");
        let format = inner.repository.format;
        if KnownContents::open(&path, format).retain(is_there)? {
            disk::crash_point("contents pruned");
            *inner.known.write().expect("no holder of this lock panics") =
                KnownContents::open(&path, format);
        }
        inner.suspects.retain(is_there);
        Ok(())
    }

    /// Removes what only saves time, so that there is space for what must be written.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be removed.
    pub(crate) fn give_up_caches(&self) -> Result<()> {
        let path = self.own_folder().join("contents");
        disk::remove(&path)?;
        *self.inner.known.write().expect("no holder of this lock panics") =
            KnownContents::open(&path, self.inner.repository.format);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::disk;
    use crate::{Draft, ExecutionKey, ObjectFormat, OpenOptions, Store};

    #[test]
    fn a_pack_whose_index_git_took_meanwhile_goes_without_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.git");
        let store = Store::create(&path, ObjectFormat::Sha1, OpenOptions::default()).unwrap();
        let key = ExecutionKey::new("nb", "c", "m").unwrap();
        store.put(&key, Draft::new("test").output("0.txt", "text/plain", b"x").unwrap()).unwrap();
        store.flush().unwrap();
        store
            .while_flush_locked(|locked| {
                let index = locked.free_packs()?.pop().expect("the flush made a pack");
                disk::remove(&index)?;
                locked.remove_pack(&index)?;
                assert!(!disk::is_there(&index.with_extension("pack")), "the rest of it goes");
                Ok(())
            })
            .unwrap();
    }
}
