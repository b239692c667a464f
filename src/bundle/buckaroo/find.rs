//! Looking for Buckaroo's files in a folder. Links are not followed, so that nothing comes from
//! outside of it.

use std::path::{Path, PathBuf};

use super::place::{FIRST_WINDOW, MANIFEST, SD};
use super::statcache::PartName;
use crate::disk::{self, FolderEntry};
use crate::error::{Error, Result};
use crate::size::ByteSize;

/// Ids do not nest deeper.
const DEEPEST: usize = 64;

/// What there is of Buckaroo's in a folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) bundles: Vec<FoundBundle>,
    pub(super) scopes: Vec<FoundScope>,
    /// Folders that were not looked into, and why.
    pub(super) passed_over: Vec<(String, String)>,
}

/// A folder with files of a bundle.
#[derive(Debug)]
pub(super) struct FoundBundle {
    pub(super) path: PathBuf,
    /// The path below what was named, with `/`; empty for that itself.
    pub(super) below: String,
}

/// A folder with parts of a cache of stats.
#[derive(Debug)]
pub(super) struct FoundScope {
    pub(super) path: PathBuf,
    pub(super) below: String,
    /// What stands for the rows that the stats are of: the folder's name.
    pub(super) scope_id: String,
    /// The parts, oldest first.
    pub(super) parts: Vec<PartName>,
    /// Names that look like those of parts, and are none.
    pub(super) strange: Vec<String>,
}

/// Looks through a folder and all below it.
///
/// # Errors
/// [`Error::Disk`] if a folder cannot be listed, or it is none.
pub(super) fn find(folder: &Path) -> Result<Found> {
    let folder = disk::real_path(folder);
    if !disk::is_folder(&folder) {
        // What is not there fails here, with the system's own words.
        disk::open(&folder)?;
        let source = std::io::ErrorKind::NotADirectory.into();
        return Err(Error::Disk { action: "list", path: folder, source });
    }
    let mut found = Found::default();
    let mut left = vec![(folder, String::new(), 0)];
    while let Some((path, below, depth)) = left.pop() {
        let entries = match disk::list(&path) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => return Err(error),
            Err(error) => {
                found.passed_over.push((below, in_words(&error)));
                continue;
            }
        };
        // The last is taken first.
        for entry in entries.iter().rev() {
            let separator = if below.is_empty() { "" } else { "/" };
            let below = format!("{below}{separator}{}", entry.name);
            if entry.is_folder && depth < DEEPEST {
                left.push((entry.path.clone(), below, depth + 1));
            } else if entry.is_folder {
                found.passed_over.push((below, "it is too deep for an id".into()));
            } else if disk::is_folder(&entry.path) {
                found.passed_over.push((below, "it is a link, and none is followed".into()));
            }
        }
        found.look_at(path, below, &entries);
    }
    Ok(found)
}

impl Found {
    fn look_at(&mut self, path: PathBuf, below: String, entries: &[FolderEntry]) {
        let files = || entries.iter().filter(|it| !it.is_folder);
        if files().any(|it| [MANIFEST, SD, FIRST_WINDOW].contains(&it.name.as_str())) {
            self.bundles.push(FoundBundle { path: path.clone(), below: below.clone() });
        }
        let parts: Vec<PartName> = files().filter_map(|it| PartName::parse(&it.name)).collect();
        if parts.is_empty() {
            return;
        }
        let looks_like_one = |name: &str| name.starts_with("part-") && name.ends_with(".parquet");
        let strange = files().filter(|it| looks_like_one(&it.name));
        let strange = strange.filter(|it| PartName::parse(&it.name).is_none());
        let strange = strange.map(|it| it.name.clone()).collect();
        let Some(scope_id) = path.file_name().and_then(|name| name.to_str()) else { return };
        let scope_id = scope_id.to_owned();
        self.scopes.push(FoundScope { path, below, scope_id, parts, strange });
    }
}

/// Returns the bytes of a file, if it is one and no longer than `most`.
///
/// # Errors
/// Why not, in words.
pub(super) fn read_file(folder: &Path, name: &str, most: u64) -> Result<Vec<u8>, String> {
    let path = folder.join(name);
    if !disk::is_there(&path) {
        return Err(format!("`{name}` is not there"));
    }
    let length = disk::plain_length(&path).ok_or_else(|| format!("`{name}` is no plain file"))?;
    if length > most {
        let most = ByteSize::new(most);
        return Err(format!("`{name}` has {length} bytes, and {most} are the most that is read"));
    }
    disk::read(&path).map_err(|error| format!("`{name}` cannot be read: {}", in_words(&error)))
}

/// Returns the system's own words for why a file or folder cannot be read.
fn in_words(error: &Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
