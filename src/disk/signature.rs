//! Whether a file or folder changed, told without reading it.
#![expect(clippy::disallowed_methods, reason = "a room of the home of std::fs")]

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use super::{failed, if_there};
use crate::error::Result;

/// What tells one state of a file or folder from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Signature {
    inode: u64,
    links: u64,
    size: u64,
    changed_nanos: i128,
}

impl Signature {
    /// Returns the bytes the file held.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether it has no name any more: it was removed while it was open.
    pub(crate) fn is_removed(&self) -> bool {
        self.links == 0
    }

    /// Returns when it was last changed, in microseconds since 1970.
    pub(crate) fn changed_micros(&self) -> i64 {
        i64::try_from(self.changed_nanos / 1000).unwrap_or(i64::MAX)
    }

    /// Returns how long the time of change may stand still while the thing changes.
    pub(super) fn tick(&self) -> Duration {
        // Linux stamps by a clock that ticks every 10 ms at worst. A file system that keeps whole
        // seconds, or FAT's even ones, shows it by a time without a fraction.
        let is_coarse = self.changed_nanos % 1_000_000_000 == 0;
        Duration::from_millis(if is_coarse { 2_000 } else { 20 })
    }

    fn of(metadata: &fs::Metadata) -> Signature {
        use std::os::unix::fs::MetadataExt;
        Signature {
            inode: metadata.ino(),
            links: metadata.nlink(),
            size: metadata.len(),
            changed_nanos: i128::from(metadata.mtime()) * 1_000_000_000
                + i128::from(metadata.mtime_nsec()),
        }
    }
}

/// Returns the signature of what is at `path`; `None` if nothing is.
pub(crate) fn signature(path: &Path) -> Result<Option<Signature>> {
    let found = if_there(fs::metadata(path)).map_err(failed("look at", path))?;
    Ok(found.map(|metadata| Signature::of(&metadata)))
}

/// Returns the signature of an open file.
pub(crate) fn signature_of(file: &File, path: &Path) -> Result<Signature> {
    let metadata = file.metadata().map_err(failed("look at", path))?;
    Ok(Signature::of(&metadata))
}
