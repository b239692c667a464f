//! What retention must not remove: the entries that are pinned now or were a few commits ago.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::file::{LOCKFILE, Lockfile};
use super::pins::Pins;
use crate::error::Result;
use crate::git::{Git, HostRepository, ObjectId};
use crate::name::EntryName;

/// Where an entry is pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum PinnedBy {
    /// In the `recell.lock` of the work tree.
    WorkTree,
    /// In that of a commit of the host repository, the newest that pins it.
    Commit(ObjectId),
}

impl fmt::Display for PinnedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PinnedBy::WorkTree => write!(f, "pinned by {LOCKFILE}"),
            PinnedBy::Commit(id) => {
                let hex = id.to_string();
                write!(f, "pinned by {LOCKFILE} of commit {}", &hex[..hex.len().min(12)])
            }
        }
    }
}

/// Returns the entries that are pinned by the `recell.lock` of the workspace at `root`, as it is
/// in the work tree and in the last `commits` commits behind `HEAD` of the host repository, each
/// with where.
///
/// Every entry that a file names counts, even if that file is broken. Takes four calls of git,
/// however many commits there are; files that a partial clone lacks are not fetched and protect
/// nothing.
///
/// # Errors
/// [`crate::Error::Disk`], and those of running git.
pub(crate) fn protected(
    host: Option<&HostRepository>,
    git: &Git,
    root: &Path,
    commits: usize,
) -> Result<BTreeMap<EntryName, PinnedBy>> {
    let lockfile = Lockfile::of(root);
    let mut found = BTreeMap::new();
    let mut add = |bytes: &[u8], by: PinnedBy| {
        // A file that reads gives what its text names, too.
        for entry in Pins::salvage(bytes).iter() {
            found.entry(entry.clone()).or_insert(by);
        }
    };
    if let Some(bytes) = lockfile.bytes()? {
        add(&bytes, PinnedBy::WorkTree);
    }
    let path = host.and_then(|host| Some((host, host.relative_path(lockfile.path())?)));
    if let Some((host, path)) = path {
        let recent = host.recent_commits(git, commits)?;
        let recent: Vec<ObjectId> = recent.into_iter().map(|commit| commit.id).collect();
        for (commit, bytes) in host.versions_at(git, &recent, &path)? {
            add(&bytes, PinnedBy::Commit(commit));
        }
    }
    Ok(found)
}
