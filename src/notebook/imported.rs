//! Which versions of which notebooks were imported: a file of the store's own, which may be lost.
//!
//! Without it the same versions are read again, and found to be there.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::digest::Digest;
use crate::disk;
use crate::error::Result;

/// The first bytes of the file.
const MAGIC: &[u8] = b"RCLIMP1\n";
/// A record: the first half of a digest, and the CRC-32 of that.
const KEY: usize = 16;
const RECORD: usize = KEY + 4;

/// What one version was imported as, as a digest of all that this depends on.
pub(super) type VersionKey = [u8; KEY];

/// The versions that are done.
pub(super) struct Imported {
    path: PathBuf,
    done: HashSet<VersionKey>,
    /// Whether the file is there and ours.
    is_there: bool,
}

impl Imported {
    /// Reads the file in the store's `own_folder`. Records that do not check count as not there.
    ///
    /// # Errors
    /// [`crate::Error::Disk`].
    pub(super) fn open(own_folder: &std::path::Path) -> Result<Imported> {
        let path = own_folder.join("imported");
        let bytes = disk::read_if_there(&path)?.unwrap_or_default();
        let is_there = bytes.starts_with(MAGIC);
        let records = bytes.strip_prefix(MAGIC).unwrap_or_default();
        let mut done = HashSet::with_capacity(records.len() / RECORD);
        for record in records.chunks_exact(RECORD) {
            let (key, crc) = record.split_at(KEY);
            if crc32fast::hash(key).to_le_bytes() == crc {
                done.extend(VersionKey::try_from(key));
            }
        }
        Ok(Imported { path, done, is_there })
    }

    /// Whether that version is done.
    pub(super) fn has(&self, key: &VersionKey) -> bool {
        self.done.contains(key)
    }

    /// Notes that these versions are done. What they are recorded as must be flushed: whoever
    /// reads this never looks at them again.
    ///
    /// # Errors
    /// [`crate::Error::Disk`].
    pub(super) fn add(&mut self, keys: &[VersionKey]) -> Result<()> {
        let new: Vec<VersionKey> =
            keys.iter().filter(|key| self.done.insert(**key)).copied().collect();
        if new.is_empty() {
            return Ok(());
        }
        let file = disk::open_or_create(&self.path)?;
        let header = MAGIC.len() as u64;
        let whole = match disk::signature_of(&file, &self.path)?.size().checked_sub(header) {
            Some(records) if self.is_there => header + records - records % RECORD as u64,
            _ => 0,
        };
        // A record that was cut would shift all that follow.
        disk::truncate(&file, &self.path, whole)?;
        let mut bytes = if whole == 0 { MAGIC.to_vec() } else { Vec::new() };
        for key in new {
            bytes.extend_from_slice(&key);
            bytes.extend_from_slice(&crc32fast::hash(&key).to_le_bytes());
        }
        disk::write_at(&file, &self.path, &bytes, whole)?;
        self.is_there = true;
        Ok(())
    }
}

/// Returns the key of a version that all of `texts` tell from others.
pub(super) fn version_key(texts: &[&str]) -> VersionKey {
    let mut bytes = Vec::with_capacity(256);
    for text in texts {
        bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    let mut key = VersionKey::default();
    key.copy_from_slice(&Digest::of_here(&bytes).as_bytes()[..KEY]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_known_and_a_torn_end_harms_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let keys: Vec<VersionKey> =
            ["a", "b", "c", "d"].iter().map(|text| version_key(&[text])).collect();
        Imported::open(folder.path()).unwrap().add(&keys[..2]).unwrap();
        let path = folder.path().join("imported");
        let mut bytes = disk::read(&path).unwrap();
        bytes.extend_from_slice(b"torn");
        bytes[MAGIC.len() + RECORD] ^= 1;
        disk::replace(&path, &bytes).unwrap();
        let mut imported = Imported::open(folder.path()).unwrap();
        let known = |imported: &Imported| keys.iter().map(|k| imported.has(k)).collect::<Vec<_>>();
        assert_eq!(known(&imported), [true, false, false, false], "the second is damaged");
        imported.add(&keys[2..3]).unwrap();
        imported.add(&keys[3..]).unwrap();
        let again = Imported::open(folder.path()).unwrap();
        assert_eq!(known(&again), [true, false, true, true]);
        disk::replace(&path, b"something else").unwrap();
        let mut other = Imported::open(folder.path()).unwrap();
        assert_eq!(known(&other), [false; 4], "not our file");
        other.add(&keys).unwrap();
        assert_eq!(known(&Imported::open(folder.path()).unwrap()), [true; 4]);
    }

    #[test]
    fn texts_that_differ_in_their_borders_are_different_versions() {
        assert_ne!(version_key(&["ab", "c"]), version_key(&["a", "bc"]));
    }
}
