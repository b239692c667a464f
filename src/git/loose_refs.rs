//! Refs that plain git keeps as files of their own. recell writes none.

use std::collections::BTreeMap;
use std::path::Path;

use gix::ObjectId;

use crate::disk;
use crate::error::{Error, Result};

/// Returns the tags that somebody keeps as loose files, by full ref name.
///
/// # Errors
/// [`Error::Disk`] if a folder cannot be listed or a file cannot be read.
pub(crate) fn loose_tags(git_dir: &Path) -> Result<BTreeMap<String, ObjectId>> {
    loose_refs(git_dir, "refs/tags")
}

/// Returns the refs below a folder of refs that somebody keeps as loose files, by full ref name.
///
/// # Errors
/// [`Error::Disk`] if a folder cannot be listed or a file cannot be read.
pub(crate) fn loose_refs(git_dir: &Path, folder: &str) -> Result<BTreeMap<String, ObjectId>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![(git_dir.join(folder), folder.to_owned())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in disk::list(&folder)? {
            let name = format!("{prefix}/{}", entry.name);
            if entry.is_folder {
                folders.push((entry.path, name));
            } else if let Some(bytes) = disk::read_if_there(&entry.path)?
                && let Ok(id) = ObjectId::from_hex(bytes.trim_ascii_end())
            {
                found.insert(name, id);
            }
        }
    }
    Ok(found)
}

/// Removes a loose ref under git's own lock of it.
///
/// # Errors
/// [`Error::RefsLocked`] if somebody else is changing it, [`Error::Disk`] if it cannot be removed.
pub(crate) fn remove_loose_ref(git_dir: &Path, name: &str) -> Result<()> {
    let path = git_dir.join(name);
    let lock = git_dir.join(format!("{name}.lock"));
    match disk::create_new(&lock) {
        Ok(_) => {}
        Err(Error::Disk { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Error::RefsLocked { path: lock });
        }
        Err(error) => return Err(error),
    }
    let removed = disk::remove(&path);
    disk::remove(&lock)?;
    removed?;
    // As git does: an empty folder would be in the way of a ref of its name.
    let own = path
        .ancestors()
        .skip(1)
        .take_while(|above| !above.ends_with("refs/tags") && !above.ends_with("refs"));
    own.take_while(|above| disk::remove_empty_folder(above)).count();
    Ok(())
}
