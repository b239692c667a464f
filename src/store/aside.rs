//! Keeping damaged files: they get a place below `recell/damaged/`, and nothing is deleted.

use std::path::{Path, PathBuf};

use super::LockedStore;
use crate::clock::Timestamp;
use crate::disk;
use crate::error::Result;

impl LockedStore<'_> {
    /// Returns a free name below `recell/damaged/` for a file.
    fn place_aside(&self, path: &Path, when: Timestamp) -> Result<PathBuf> {
        let folder = self.inner.repository.damaged_folder().join(when.to_string());
        disk::create_folders(&folder)?;
        let name = path.strip_prefix(self.git_dir()).unwrap_or(path).display().to_string();
        let name = name.replace('/', "-");
        let numbered = (2..).map(|number| folder.join(format!("{name}.{number}")));
        let mut names = std::iter::once(folder.join(&name)).chain(numbered);
        Ok(names.find(|name| !disk::is_there(name)).expect("numbers do not end"))
    }

    /// Moves a damaged file out of the way, below `recell/damaged/`; nothing is deleted.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be moved.
    pub(crate) fn set_aside(&self, path: &Path, when: Timestamp) -> Result<PathBuf> {
        let target = self.place_aside(path, when)?;
        disk::rename(path, &target)?;
        Ok(target)
    }

    /// Gives a damaged file a second name below `recell/damaged/`, so that its own may go.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it can neither be linked nor copied.
    pub(crate) fn link_aside(&self, path: &Path, when: Timestamp) -> Result<PathBuf> {
        let target = self.place_aside(path, when)?;
        if disk::link(path, &target).is_err() {
            self.keep_copy(path, when)?;
        }
        Ok(target)
    }

    /// Copies a file that is about to be changed to below `recell/damaged/`.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be copied.
    pub(crate) fn keep_copy(&self, path: &Path, when: Timestamp) -> Result<()> {
        let Some(bytes) = disk::read_if_there(path)? else { return Ok(()) };
        disk::replace(&self.place_aside(path, when)?, &bytes)
    }
}
