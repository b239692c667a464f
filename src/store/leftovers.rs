//! What a flush that died left behind. Whoever removes it holds the flush lock; nobody without
//! that lock writes under these names.

use std::path::{Path, PathBuf};

use super::flush::KEEP_NOTE;
use super::incoming::INCOMING_PREFIX;
use crate::disk;
use crate::error::Result;
use crate::git::{Repository, remove_dead_lock};

/// Files that are only there while a flush runs, in the folder of recell's own files.
const WORK_FILES: [&str; 5] = ["merge.pack", "salvage.pack", "packed-refs.new", OWNER, SWEEPING];
/// The record of who made git's lock of `packed-refs`.
pub(super) const OWNER: &str = "packed-refs.owner";

/// It is there while a collection removes packs: puts then rely on no object of a pack.
pub(crate) const SWEEPING: &str = "sweeping";

/// The lock that keeps collections apart.
pub(super) const COLLECTION_LOCK: &str = "gc.lock";

/// What the names of packs begin with that a collection makes.
pub(crate) const COLLECTION_PREFIX: &str = "gc-";

/// What the index of a pack is called, before its name, while the pack is being removed.
const GOING_PREFIX: &str = ".recell-going-";

/// What git's packer is told to begin the names of its files with.
pub(crate) const SEAL_PREFIX: &str = "seal-";

/// Returns the leftovers, as long as no flush is running.
pub(crate) fn find(repository: &Repository) -> Result<Vec<PathBuf>> {
    let own = disk::list(&repository.own_folder())?;
    let is_of_collection = |name: &str| name.starts_with(COLLECTION_PREFIX);
    let collecting = own.iter().any(|entry| is_of_collection(&entry.name))
        && is_locked(&repository.own_folder().join(COLLECTION_LOCK))?;
    // Who receives a pack keeps it locked; its index goes with it.
    let is_received = |path: &Path| is_locked(&path.with_extension("pack")).unwrap_or(true);
    let mut found: Vec<PathBuf> = own
        .into_iter()
        .filter(|entry| {
            WORK_FILES.contains(&entry.name.as_str())
                || entry.name.starts_with(SEAL_PREFIX)
                || (is_of_collection(&entry.name) && !collecting)
                || (entry.name.starts_with(INCOMING_PREFIX) && !is_received(&entry.path))
                || disk::is_temporary(&entry.name)
        })
        .map(|entry| entry.path)
        .collect();
    for entry in disk::list(&repository.objects_folder().join("pack"))? {
        let is_ours =
            || disk::read_if_there(&entry.path).map(|note| note.as_deref() == Some(KEEP_NOTE));
        if disk::is_temporary(&entry.name)
            || (entry.path.extension().is_some_and(|extension| extension == "keep") && is_ours()?)
        {
            found.push(entry.path);
        }
    }
    Ok(found)
}

/// Returns the name that the index of a pack has while the pack is being removed.
pub(crate) fn going_name(index_path: &Path) -> PathBuf {
    let name = index_path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    index_path.with_file_name(format!("{GOING_PREFIX}{name}"))
}

/// Removes what is left of a pack whose index has the name `going`.
pub(super) fn remove_going(going: &Path) -> Result<()> {
    let name = going.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.strip_prefix(GOING_PREFIX).unwrap_or(name);
    let index_path = going.with_file_name(format!("{name}.idx"));
    // The same pack may have been made once more.
    if !disk::is_there(&index_path) {
        for extension in ["pack", "rev", "bitmap", "mtimes"] {
            disk::remove(&index_path.with_extension(extension))?;
        }
    }
    disk::remove(going)?;
    Ok(())
}

/// Whether a pack was being placed when its writer died: the next flush finishes or removes it.
pub(crate) fn is_unfinished(pack_path: &Path) -> Result<bool> {
    let note = disk::read_if_there(&pack_path.with_extension("keep"))?;
    Ok(note.as_deref() == Some(KEEP_NOTE))
}

/// Whether somebody holds the lock on a file.
fn is_locked(path: &Path) -> Result<bool> {
    let Some(file) = disk::open_for_change(path)? else { return Ok(false) };
    match file.try_lock() {
        Ok(()) => {
            drop(file.unlock());
            Ok(false)
        }
        Err(_) => Ok(true),
    }
}

/// Whether there are any.
pub(super) fn any(repository: &Repository) -> Result<bool> {
    Ok(!find(repository)?.is_empty())
}

/// Removes them. The caller holds the flush lock, and no journal is half flushed.
pub(super) fn remove(repository: &Repository) -> Result<()> {
    // The lock before the record that says whose it is.
    remove_dead_lock(&repository.git_dir, &repository.own_folder().join(OWNER))?;
    for path in find(repository)? {
        let is_keep = path.extension().is_some_and(|extension| extension == "keep");
        if is_keep && !disk::is_there(&path.with_extension("idx")) {
            // A copy of what other packs hold, which never got its index. The note goes last, as
            // it alone tells the pack from one that a git is just making.
            disk::remove(&path.with_extension("pack"))?;
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(GOING_PREFIX) {
            remove_going(&path)?;
        }
        disk::remove(&path)?;
    }
    Ok(())
}
