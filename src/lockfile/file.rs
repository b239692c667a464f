//! The file in the workspace: read, and changed by one process at a time.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::pins::Pins;
use crate::config::Durability;
use crate::disk;
use crate::error::{Error, Result};

/// What the file is called.
pub(crate) const LOCKFILE: &str = "recell.lock";
/// How long others are waited for; they keep the file for milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The `recell.lock` of a workspace.
#[derive(Debug, Clone)]
pub(crate) struct Lockfile {
    path: PathBuf,
}

impl Lockfile {
    /// Returns the file of the workspace at `root`, whether or not it is there.
    pub(crate) fn of(root: &Path) -> Lockfile {
        Lockfile { path: root.join(LOCKFILE) }
    }

    /// Returns where it is, or would be.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is there.
    pub(crate) fn is_there(&self) -> bool {
        disk::is_there(&self.path)
    }

    /// Returns its bytes; `None` if it is not there.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub(crate) fn bytes(&self) -> Result<Option<Vec<u8>>> {
        disk::read_if_there(&self.path)
    }

    /// Returns the pins.
    ///
    /// # Errors
    /// [`Error::NoLockfile`], [`Error::Disk`] and those of [`Pins::parse`].
    pub(crate) fn read(&self) -> Result<Pins> {
        match self.bytes()? {
            Some(bytes) => Pins::parse(&self.path, &bytes),
            None => Err(Error::NoLockfile { path: self.path.clone() }),
        }
    }

    /// Replaces the bytes by what `change` makes of them, where that is something; says whether
    /// it was. Nothing happens if the file is not there.
    ///
    /// No other process of recell changes it meanwhile. Readers see the old or the new bytes.
    ///
    /// # Errors
    /// [`Error::LockfileHeld`], [`Error::Disk`], and those of `change`.
    pub(crate) fn change(
        &self,
        durability: Durability,
        change: impl FnOnce(&[u8]) -> Result<Option<String>>,
    ) -> Result<bool> {
        // It closes at the end, and with that it is free.
        let Some(held) = self.hold()? else { return Ok(false) };
        let Some(new) = change(&disk::read(&self.path)?)? else { return Ok(false) };
        match durability {
            Durability::Process => disk::replace_unsynced(&self.path, new.as_bytes())?,
            Durability::Sync => disk::replace(&self.path, new.as_bytes())?,
        }
        drop(held);
        Ok(true)
    }

    /// Makes an empty file, which pins nothing, if none is there.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub(crate) fn create(&self) -> Result<()> {
        disk::open_or_create(&self.path).map(drop)
    }

    /// Opens and locks the file; `None` if it is not there.
    ///
    /// The file is its own lock, so that none lies beside it for git to find. As changing it
    /// replaces it, who comes to hold a file that is replaced already takes the next one.
    fn hold(&self) -> Result<Option<File>> {
        let started = Instant::now();
        loop {
            let Some(file) = disk::open_for_change(&self.path)? else { return Ok(None) };
            match file.try_lock() {
                Ok(()) => {
                    let found = disk::identity_at(&self.path)?;
                    if found == Some(disk::identity(&file, &self.path)?) {
                        return Ok(Some(file));
                    }
                }
                Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::LockfileHeld { path: self.path.clone() });
                }
                Err(TryLockError::Error(source)) => {
                    return Err(Error::Disk { action: "lock", path: self.path.clone(), source });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::EntryName;

    #[test]
    fn changes_at_once_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let lockfile = Lockfile::of(folder.path());
        let add = |notebook: usize| {
            let entry: EntryName =
                format!("nb{notebook}/a/m/0/20261121T012400.000000Z-0123abcd").parse().unwrap();
            let changed = lockfile.change(Durability::Process, |bytes| {
                let pins = Pins::parse(lockfile.path(), bytes)?;
                let with: Pins = pins.iter().cloned().chain([entry]).collect();
                Ok(Some(with.to_text()))
            });
            assert!(changed.unwrap());
        };
        assert!(!lockfile.change(Durability::Sync, |_| panic!("none is there")).unwrap());
        assert_eq!(lockfile.read().unwrap_err().code(), "no_lockfile");
        lockfile.create().unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || (0..50).for_each(|n| add(thread * 50 + n)));
            }
        });
        assert_eq!(lockfile.read().unwrap().len(), 200);
        let names = disk::list(folder.path()).unwrap();
        assert_eq!(names.len(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_does_not_change_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let lockfile = Lockfile::of(folder.path());
        lockfile.create().unwrap();
        let before = disk::signature(lockfile.path()).unwrap();
        assert!(!lockfile.change(Durability::Sync, |_| Ok(None)).unwrap());
        assert_eq!(disk::signature(lockfile.path()).unwrap(), before);
    }
}
