//! Notices that the names in a folder changed, by one cheap look at the folder itself.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Signature, open_if_there, signature_of};
use crate::error::Result;

/// A folder whose names are up to date as long as its signature stands still.
///
/// The folder is kept open: looking at it by its handle costs a third of walking its path.
pub(crate) struct WatchedFolder {
    path: PathBuf,
    handle: Option<File>,
    signature: Option<Signature>,
    first_seen: Option<Instant>,
    settled: bool,
}

impl WatchedFolder {
    /// Returns a watch over `path`, which need not be there.
    pub(crate) fn new(path: &Path) -> WatchedFolder {
        WatchedFolder {
            path: path.to_owned(),
            handle: None,
            signature: None,
            first_seen: None,
            settled: false,
        }
    }

    /// Whether the folder may hold other names than when this last answered.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if the folder cannot be looked at.
    pub(crate) fn has_changed(&mut self) -> Result<bool> {
        let signature = self.look()?;
        if let Some(seen) = self.first_seen
            && signature == self.signature
        {
            if self.settled {
                return Ok(false);
            }
            // A name made in the same tick as the last look leaves the time as it was: look once
            // more after the tick is over.
            self.settled = seen.elapsed() > signature.map_or(Duration::ZERO, |s| s.tick());
            return Ok(true);
        }
        self.signature = signature;
        self.first_seen = Some(Instant::now());
        self.settled = false;
        Ok(true)
    }

    fn look(&mut self) -> Result<Option<Signature>> {
        if let Some(handle) = &self.handle {
            let signature = signature_of(handle, &self.path)?;
            if !signature.is_removed() {
                return Ok(Some(signature));
            }
        }
        self.handle = open_if_there(&self.path)?;
        match &self.handle {
            Some(handle) => signature_of(handle, &self.path).map(Some),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk;

    const TICK: Duration = Duration::from_millis(20);

    #[test]
    fn a_change_is_noticed_and_standing_still_is_believed_after_a_tick() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("folder");
        let mut watch = WatchedFolder::new(&path);
        assert!(watch.has_changed().unwrap(), "the first look");
        disk::create_folders(&path).unwrap();
        assert!(watch.has_changed().unwrap(), "the folder was made");
        std::thread::sleep(2 * TICK);
        assert!(watch.has_changed().unwrap(), "one more look after the tick");
        assert!(!watch.has_changed().unwrap(), "nothing changed since");
        drop(disk::create_new(&path.join("a")).unwrap());
        assert!(watch.has_changed().unwrap(), "a name was added");
        drop(disk::create_new(&path.join("b")).unwrap());
        assert!(watch.has_changed().unwrap(), "another in the same tick");
    }

    #[test]
    fn a_folder_that_was_made_anew_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("folder");
        disk::create_folders(&path).unwrap();
        let mut watch = WatchedFolder::new(&path);
        watch.has_changed().unwrap();
        std::thread::sleep(2 * TICK);
        watch.has_changed().unwrap();
        assert!(!watch.has_changed().unwrap());
        disk::remove_empty_folder(&path);
        disk::create_folders(&path).unwrap();
        drop(disk::create_new(&path.join("a")).unwrap());
        assert!(watch.has_changed().unwrap());
    }
}
