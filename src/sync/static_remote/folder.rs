//! A static remote in a folder, which a web server may serve.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::address::MARKER;
use super::storage::{Answer, Listed, Span, Stored, VersionTag};
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::disk;

/// Whoever replaces a list holds the lock on this file. The system lets go of it when its holder
/// dies, over NFS too, so that no lock is ever stale.
const LOCK: &str = "recell-static.lock";
/// How long a publisher waits for another that replaces a list, which takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the marker says: the version of the layout.
const LAYOUT: &[u8] = b"1\n";

pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn new(root: &Path) -> Folder {
        Folder { root: root.to_owned() }
    }

    pub(super) fn get(&self, path: &str) -> Answer<Option<Stored>> {
        Ok(disk::read_if_there(&self.root.join(path))?.map(|bytes| {
            let e_tag = Some(Digest::of_here(&bytes).to_string());
            Stored { bytes, tag: VersionTag { e_tag, version: None } }
        }))
    }

    pub(super) fn get_span(&self, span: &Span) -> Answer<Option<Vec<u8>>> {
        let path = self.root.join(&span.path);
        let Some(file) = disk::open_if_there(&path)? else { return Ok(None) };
        let size = file.metadata()?.len();
        let end = span.end.min(size);
        let mut bytes = vec![0; usize::try_from(end.saturating_sub(span.start))?];
        disk::read_at(&file, &path, &mut bytes, span.start)?;
        Ok(Some(bytes))
    }

    pub(super) fn size(&self, path: &str) -> Answer<Option<u64>> {
        Ok(disk::signature(&self.root.join(path))?.map(|file| file.size()))
    }

    pub(super) fn put(&self, path: &str, bytes: &[u8]) -> Answer<()> {
        let path = self.root.join(path);
        if let Some(folder) = path.parent() {
            disk::create_folders(folder)?;
        }
        Ok(disk::replace(&path, bytes)?)
    }

    pub(super) fn swap(
        &self,
        path: &str,
        bytes: &[u8],
        expected: Option<&VersionTag>,
    ) -> Answer<bool> {
        let target = self.root.join(path);
        if let Some(folder) = target.parent() {
            disk::create_folders(folder)?;
        }
        let marker = self.root.join(MARKER);
        if !disk::is_there(&marker) {
            disk::replace_unsynced(&marker, LAYOUT)?;
        }
        let lock = disk::open_or_create(&self.root.join(LOCK))?;
        let started = Instant::now();
        while let Err(refusal) = lock.try_lock() {
            match refusal {
                std::fs::TryLockError::Error(error) => return Err(error.into()),
                std::fs::TryLockError::WouldBlock if started.elapsed() > PATIENCE => {
                    return Err(format!("another publisher keeps `{LOCK}`").into());
                }
                std::fs::TryLockError::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
        let found = self.get(path)?.map(|stored| stored.tag);
        if found.as_ref() != expected {
            return Ok(false);
        }
        disk::replace(&target, bytes)?;
        drop(lock);
        Ok(true)
    }

    pub(super) fn remove(&self, path: &str) -> Answer<()> {
        disk::remove(&self.root.join(path))?;
        Ok(())
    }

    pub(super) fn list(&self, folder: &str) -> Answer<Vec<Listed>> {
        let mut found = Vec::new();
        for entry in disk::list(&self.root.join(folder))? {
            if let Some(file) = disk::signature(&entry.path)?
                && !entry.is_folder
            {
                let written = Timestamp::from_micros(file.changed_micros());
                found.push(Listed { name: entry.name, size: file.size(), written });
            }
        }
        Ok(found)
    }
}
