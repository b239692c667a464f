//! Where a workspace is: upward from a folder, and from a linked work tree in the main one.

use std::path::{Path, PathBuf};

use super::{OWN_FOLDER, PYPROJECT_FILE, SETTINGS_FILE};
use crate::disk;
use crate::error::Result;

/// Where a workspace was found.
pub(super) struct Found {
    /// The workspace's folder in the work tree that holds the working directory.
    pub(super) root: PathBuf,
    /// The folder of the files that hold settings.
    pub(super) settings: PathBuf,
    /// The folder that the store is named from: that of the main work tree.
    pub(super) home: PathBuf,
}

impl Found {
    /// Looks in `directory` and above; where a linked work tree ends, in the main one too, as
    /// the settings may not be committed.
    pub(super) fn above(directory: &Path) -> Result<Option<Found>> {
        for folder in directory.ancestors() {
            if marks_workspace(folder)? {
                let home = main_work_tree(folder)?.unwrap_or_else(|| folder.to_owned());
                return Ok(Some(Found { root: folder.into(), settings: folder.into(), home }));
            }
            let Some(main) = linked_to(folder)? else { continue };
            for inner in directory.ancestors().take_while(|inner| inner.starts_with(folder)) {
                let Some(twin) = twin(inner, folder, &main) else { continue };
                if marks_workspace(&twin)? {
                    let root = inner.to_owned();
                    return Ok(Some(Found { root, settings: twin.clone(), home: twin }));
                }
            }
        }
        Ok(None)
    }
}

fn marks_workspace(folder: &Path) -> Result<bool> {
    Ok(disk::is_there(&folder.join(SETTINGS_FILE))
        || disk::is_folder(&folder.join(OWN_FOLDER))
        || pyproject_marks(&folder.join(PYPROJECT_FILE))?)
}

/// Whether a `pyproject.toml` has `[tool.recell]`. One that is broken counts if it means to have
/// it, so that its error is reported.
pub(super) fn pyproject_marks(path: &Path) -> Result<bool> {
    const NEEDLE: &[u8] = b"recell";
    let Some(bytes) = disk::read_if_there(path)? else { return Ok(false) };
    if memchr::memmem::find(&bytes, NEEDLE).is_none() {
        return Ok(false);
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(match text.parse::<toml::Table>() {
        Ok(table) => table.get("tool").and_then(|tool| tool.get("recell")).is_some(),
        Err(_) => text.lines().any(|line| line.trim_start().starts_with("[tool.recell")),
    })
}

/// Returns the folder that `folder` is in the main work tree, if a linked one holds it.
pub(super) fn main_work_tree(folder: &Path) -> Result<Option<PathBuf>> {
    for top in folder.ancestors() {
        if let Some(main) = linked_to(top)? {
            return Ok(twin(folder, top, &main));
        }
        if disk::is_there(&top.join(".git")) {
            return Ok(None);
        }
    }
    Ok(None)
}

/// Returns what `folder`, which is below `top`, is below `main`; `None` if that is not there.
fn twin(folder: &Path, top: &Path, main: &Path) -> Option<PathBuf> {
    let twin = main.join(folder.strip_prefix(top).ok()?);
    // `join` of nothing adds a slash at the end.
    let twin: PathBuf = twin.components().collect();
    disk::is_folder(&twin).then_some(twin)
}

/// Returns the main work tree that the work tree at `top` is linked to; `None` if `top` is no
/// linked work tree, or its repository has no main one (gitrepository-layout(5)).
fn linked_to(top: &Path) -> Result<Option<PathBuf>> {
    let file = top.join(".git");
    if disk::is_folder(&file) {
        return Ok(None);
    }
    let Some(bytes) = disk::read_if_there(&file)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    let Some(git_dir) = text.strip_prefix("gitdir:") else { return Ok(None) };
    let git_dir = top.join(git_dir.trim());
    // A submodule has such a file too, but no `commondir`.
    let Some(common) = disk::read_if_there(&git_dir.join("commondir"))? else { return Ok(None) };
    let common = git_dir.join(String::from_utf8_lossy(&common).trim());
    let common = disk::real_path(&common);
    let is_plain = common.file_name().is_some_and(|name| name == ".git");
    Ok(common.parent().filter(|_| is_plain).map(Path::to_owned))
}
